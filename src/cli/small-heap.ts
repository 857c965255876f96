/**
 * Keeps the young generation of the heap at its initial size. V8 would double it again and again
 * while a stream of short-lived objects passes, for no gain in speed here: uploading a report takes
 * 250 MB with this and 360 MB without, in the same time. Must be imported before all else.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
