/**
 * Replaces a name by 72 bits of its hash if many names must be remembered. The names themselves would take
 * most of the memory, the more so as V8 keeps a whole text alive for any piece of it.
 */
import { hash } from 'node:crypto';

export function fingerprint(name: string): string {
  return hash('sha1', name, 'base64').slice(0, 12);
}
