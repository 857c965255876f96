/**
 * Keeps the heap small while streams of short-lived objects pass through, as reports and exports do. V8
 * would otherwise double the young generation repeatedly, and let the old one grow several times over
 * before it collects garbage there. Uploading a report of 60 MB takes 175 MB with this and 360 MB without,
 * and a server grows by 31 MB instead of 107, at the cost of 2 to 15 % of the speed. V8 ignores flags that
 * a version does not know. This module must be imported first.
 */
import { setFlagsFromString } from 'node:v8';

setFlagsFromString('--semi-space-growth-factor=1');
setFlagsFromString('--heap-growing-percent=60');
