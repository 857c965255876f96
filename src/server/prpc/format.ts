/** The three encodings of messages in pRPC, and how `Content-Type` and `Accept` name them. */

/** In the order in which a server prefers them. */
export const FORMATS = ['binary', 'json', 'text'] as const;

export type Format = (typeof FORMATS)[number];

export const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  binary: 'application/prpc; encoding=binary',
  json: 'application/json',
  text: 'application/prpc; encoding=text',
};

/** These say nothing, so they mean what a missing content type means. */
const WILDCARDS: readonly string[] = ['*/*', 'application/*'];

/** Returns `undefined` if pRPC does not have the media type. */
export function formatOf(mediaType: string): Format | undefined {
  const [type = '', ...parameters] = mediaType.split(';').map((part) => part.trim());
  const name = type.toLowerCase();
  if (name === 'application/json') return 'json';
  if (WILDCARDS.includes(name)) return 'binary';
  if (name !== 'application/prpc') return undefined;
  const [encoding = 'encoding=binary', ...more] = parameters.filter((each) => each !== '');
  if (more.length > 0) return undefined;
  const [, value] = /^encoding *= *"?([a-z]*)"?$/i.exec(encoding) ?? [];
  return FORMATS.find((format) => format === value);
}
