/** Texts with the structure of a format, whose words are a target's own. */
import fc from 'fast-check';

export function sample<T>(arbitrary: fc.Arbitrary<T>, seed: number): T {
  const [value] = fc.sample(arbitrary, { seed, numRuns: 1 });
  return value as T;
}

export function lines(words: readonly string[]): fc.Arbitrary<string> {
  const indentation = fc.constantFrom('', '', '    ', '        ', '  ');
  const line = fc.tuple(indentation, fc.array(fc.constantFrom(...words), { maxLength: 3 }));
  return fc
    .array(line, { maxLength: 15 })
    .map((all) => all.map(([blanks, parts]) => `${blanks}${parts.join(' ').trimEnd()}\n`).join(''));
}

/** Elements with these names within each other, and attributes that reports have. */
export function xml(names: readonly string[]): fc.Arbitrary<string> {
  const value = fc.constantFrom('a', 'b.c', '1.5', '2', '', 'x &amp; y', '&#10;', 'é');
  const attribute = fc.constantFrom(
    ...['name', 'classname', 'time', 'tests', 'failures', 'errors', 'skipped', 'message', 'type'],
    ...['file', 'line', 'timestamp', 'id'],
  );
  const attributes = fc.dictionary(attribute, value, { maxKeys: 5 });
  const { element } = fc.letrec<{ element: string; content: string }>((tie) => ({
    content: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom('', 'text', '<![CDATA[raw]]>', '<!-- no -->', '&lt;'),
      fc.array(tie('element'), { maxLength: 3 }).map((all) => all.join('')),
    ),
    element: fc
      .tuple(fc.constantFrom(...names), attributes, tie('content'))
      .map(([name, all, inner]) => {
        const given = Object.entries(all).map(([key, each]) => ` ${key}="${each}"`);
        return `<${name}${given.join('')}>${inner}</${name}>`;
      }),
  }));
  return fc
    .tuple(fc.constantFrom('', '<?xml version="1.0"?>\n'), element)
    .map((all) => all.join(''));
}

/** JSON whose keys and texts are those of the words. */
export function jsonOf(words: readonly string[]): fc.Arbitrary<string> {
  const texts = [...words.join(' ').matchAll(/"([A-Za-z_]+)"/g)].map(([, text = '']) => text);
  const key = fc.constantFrom(...texts);
  const leaf = fc.oneof(key, fc.constantFrom(0, 1, -1, 2.5, 1e300, true, false, null, ''));
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'medium', maxDepth: 8 },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(key, tie('value'), { maxKeys: 6 }),
    ),
  }));
  const first = words[0] ?? '';
  return fc
    .tuple(fc.array(value, { minLength: 1, maxLength: 3 }), fc.boolean())
    .map(([all, isBare]) => {
      const json = all.map((each) => JSON.stringify(each)).join(',');
      return isBare ? json : first + json + closing(first);
    });
}

/** Returns what closes the brackets that a text leaves open. */
function closing(text: string): string {
  const open: string[] = [];
  for (const char of text) {
    if (char === '{') open.push('}');
    else if (char === '[') open.push(']');
    else if (char === '}' || char === ']') open.pop();
  }
  return open.reverse().join('');
}
