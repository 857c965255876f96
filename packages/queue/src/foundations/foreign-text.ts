/**
 * Makes text from others fit to be logged and printed: of bounded length, since a request of a few bytes can
 * name something as long as its decompressed body, and without characters that a terminal obeys.
 */

/** Returns the text, or its beginning and how long it is. */
export function boundedText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const end = text.slice(0, maxLength).toWellFormed();
  return `${end}… (${text.length} characters)`;
}

export interface Bounds {
  readonly maxText: number;
  /** The most entries of each array and object. */
  readonly maxEntries: number;
  readonly maxDepth: number;
}

/** Returns the same value if it is within the bounds, and otherwise as much of it as they allow. */
export function boundedValue(value: unknown, bounds: Bounds, depth = 0): unknown {
  if (typeof value === 'string') return boundedText(value, bounds.maxText);
  if (typeof value !== 'object' || value === null) return value;
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if (depth >= bounds.maxDepth) return '…';
  const inner = (item: unknown): unknown => boundedValue(item, bounds, depth + 1);
  if (Array.isArray(value)) {
    const kept = value.slice(0, bounds.maxEntries).map(inner);
    return kept.length === value.length ? kept : [...kept, `… (${value.length} entries)`];
  }
  if ('toJSON' in value && typeof value.toJSON === 'function') return inner(value.toJSON());
  const entries = Object.entries(value);
  const kept = entries.slice(0, bounds.maxEntries);
  return Object.fromEntries(
    kept.map(([key, item]) => [boundedText(key, bounds.maxText), inner(item)]),
  );
}

/**
 * Characters that a terminal obeys, or that change how the text around them is shown: control characters
 * (C0, DEL, C1), line and paragraph separators, bidirectional marks, U+FEFF, halves of surrogate pairs.
 */
export const HIDDEN_CHARACTERS = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}\ufeff]/gu;

/** Returns one line of JSON that has the same value, and none of these characters. */
export function visibleJson(json: string): string {
  return json.replaceAll(HIDDEN_CHARACTERS, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
