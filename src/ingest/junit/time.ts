/**
 * Reads times in attributes. An odd value counts as unknown: a bad time must not lose a test.
 */

/** Longer than any test, so a larger number is something else. */
const MAX_SECONDS = 365 * 24 * 3600;

/** Reads seconds with a decimal point, with an exponent, or as `1,234.5`, as old versions of Surefire write. */
export function millisecondsOf(text: string | undefined): number | undefined {
  const trimmed = (text ?? '').trim();
  const plain = /^\d{1,3}(,\d{3})+(\.\d*)?$/.test(trimmed) ? trimmed.replaceAll(',', '') : trimmed;
  const seconds = plain === '' ? Number.NaN : Number(plain);
  // Adding 0 makes -0 a 0.
  return seconds >= 0 && seconds <= MAX_SECONDS ? seconds * 1000 + 0 : undefined;
}

/** A time without a zone is unknown, as the zone of the machine is unknown. */
export function zonedTimeOf(text: string | undefined): number | undefined {
  if (text === undefined || !text.includes('T') || !/(Z|[+-]\d\d:?\d\d)$/.test(text))
    return undefined;
  const time = Date.parse(text);
  return time > 0 ? time : undefined;
}
