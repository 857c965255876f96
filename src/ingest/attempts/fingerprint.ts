/**
 * Stands for a name where many are remembered: 72 bits of a hash. The names themselves would take
 * most of the memory, the more so as a piece of a text keeps the whole text alive.
 */
import { hash } from 'node:crypto';

export function fingerprint(name: string): string {
  return hash('sha1', name, 'base64').slice(0, 12);
}
