/** The simulators refuse what they do not know, so that nothing in a recipe is silently ignored. */
export type Fields = Readonly<Record<string, unknown>>;

export function unknown(what: string): never {
  throw new Error(`the simulator does not know ${what}`);
}

/** Returns `value` as a mapping that has only these keys. */
export function fieldsOf(value: unknown, place: string, keys: readonly string[]): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new Error(`${place} is no mapping`);
  }
  for (const key of Object.keys(value)) {
    if (!keys.includes(key)) unknown(`${place}.${key}`);
  }
  return value as Fields;
}

/** Returns the values of a mapping of variables as text. */
export function variablesOf(value: unknown, place: string): Readonly<Record<string, string>> {
  const entries = Object.entries(fieldsOf(value ?? {}, place, Object.keys(value ?? {})));
  return Object.fromEntries(
    entries.map(([name, each]) => [name, textOf(each, `${place}.${name}`)]),
  );
}

export function textOf(value: unknown, place: string): string {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') {
    return String(value);
  }
  throw new Error(`${place} is no text`);
}

export function listOf(value: unknown, place: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new Error(`${place} is no list`);
}
