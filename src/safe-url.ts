import { isLoopback } from './loopback.ts';

/** A URL that cannot be listened in on: https, or http on this machine. Throws for any other. */
export function safeUrl(text: string): string {
  const url = URL.parse(text);
  if (!url) throw new Error('must be a URL');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(host))) {
    throw new Error('must begin with https:// (http:// only on this machine)');
  }
  return text;
}
