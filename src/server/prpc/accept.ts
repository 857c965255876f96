/** What the headers `Accept` and `Accept-Encoding` ask for. */
import { FORMATS, type Format, formatOf, MEDIA_TYPES } from './format.ts';
import { ProtocolProblem } from './protocol-problem.ts';

interface Accepted {
  readonly value: string;
  /** From 0, which means "not acceptable", to 1. */
  readonly quality: number;
}

/** Returns the format with the highest quality; of equal ones, the one that the server prefers. */
export function responseFormat(accept: string | null): Format {
  if (accept === null || accept.trim() === '') return 'binary';
  const accepted = parseAccept('Accept', accept);
  const formats = accepted.flatMap(({ value, quality }) => {
    const format = formatOf(value);
    return format === undefined || quality === 0 ? [] : [{ format, quality }];
  });
  formats.sort(
    (a, b) => b.quality - a.quality || FORMATS.indexOf(a.format) - FORMATS.indexOf(b.format),
  );
  const [best] = formats;
  if (best) return best.format;
  const supported = [...Object.values(MEDIA_TYPES), 'application/prpc; encoding=json'].join(', ');
  throw new ProtocolProblem(
    `bad Accept header: none of its media types is supported; supported are: ${supported}`,
    406,
  );
}

export function acceptsGzip(acceptEncoding: string | null): boolean {
  return parseAccept('Accept-Encoding', acceptEncoding ?? '').some(
    ({ value, quality }) => value.toLowerCase() === 'gzip' && quality > 0,
  );
}

function parseAccept(header: string, text: string): readonly Accepted[] {
  const items = text.split(',').map((item) => item.trim());
  return items.filter((item) => item !== '').map((item) => parseItem(header, item));
}

/** A quality ends the parameters of the media type. */
function parseItem(header: string, item: string): Accepted {
  const parts = item.split(';').map((part) => part.trim());
  const at = parts.findIndex((part) => /^q *=/i.test(part));
  if (at < 0) return { value: item, quality: 1 };
  const [, quality] = /^q *= *(\d{0,9}(?:\.\d{0,9})?)$/i.exec(parts[at] ?? '') ?? [];
  if (quality === undefined || !/\d/.test(quality)) {
    throw new ProtocolProblem(
      `bad ${header} header: q parameter: expected a floating-point number`,
    );
  }
  return { value: parts.slice(0, at).join(';'), quality: Number(quality) };
}
