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
