/** Reads fields of a JSON document, whose types cannot be trusted. Each function checks the type. */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns '' if the value is not a text. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** Returns a count, a line or a time; `undefined` if the value is not a number of 0 or more. */
export function amountOf(value: unknown): number | undefined {
  return typeof value === 'number' && value >= 0 ? value : undefined;
}
