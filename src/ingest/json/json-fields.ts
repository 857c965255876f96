/** Reading what a JSON document claims to hold: each look checks the type. */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Empty where the value is no text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** A count, a line or a time; `undefined` where the value is no number of 0 or more. */
export function amountOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}
