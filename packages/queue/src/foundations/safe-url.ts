import { isLoopback } from './loopback.ts';

/**
 * Returns `text` if it is a URL that others cannot eavesdrop on: https, or http on this machine. Throws
 * otherwise.
 */
export function safeUrl(text: string): string {
  const url = URL.parse(text);
  if (!url) throw new Error('must be a URL');
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(host))) {
    throw new Error('must begin with https:// (http:// only on this machine)');
  }
  return text;
}
