/**
 * Expressions of GitHub Actions, as far as recipes use them: names with dots, literals, `!`, `&&`, `||`,
 * `==`, `!=` and parentheses, and the functions that the caller gives. Anything else is an error.
 * https://docs.github.com/en/actions/reference/workflows-and-actions/expressions
 */
export type Value = string | number | boolean | null | Context;
export interface Context {
  readonly [name: string]: Value;
}
export type Functions = Readonly<Record<string, () => boolean>>;

const TOKEN = /\s*('(?:[^']|'')*'|\d+|[A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)*|&&|\|\||==|!=|[!()])/y;

export function evaluate(text: string, names: Context, functions: Functions = {}): Value {
  const tokens = tokensOf(text);
  let at = 0;
  const take = (token: string): boolean => tokens[at] === token && ++at > 0;

  const any = (): Value => {
    let left = all();
    while (take('||')) {
      const right = all();
      left = isTrue(left) ? left : right;
    }
    return left;
  };
  const all = (): Value => {
    let left = compared();
    while (take('&&')) {
      const right = compared();
      left = isTrue(left) ? right : left;
    }
    return left;
  };
  const compared = (): Value => {
    const left = negated();
    if (take('==')) return isSame(left, negated());
    if (take('!=')) return !isSame(left, negated());
    return left;
  };
  const negated = (): Value => {
    if (take('!')) return !isTrue(negated());
    if (!take('(')) return operand();
    const inner = any();
    if (!take(')')) throw new Error(`a parenthesis is open: ${text}`);
    return inner;
  };
  const operand = (): Value => {
    const token = tokens[at++] ?? '';
    if (/^\d/.test(token)) return Number(token);
    if (token.startsWith("'")) return token.slice(1, -1).replaceAll("''", "'");
    if (token === 'true' || token === 'false') return token === 'true';
    if (!/^[A-Za-z_]/.test(token))
      throw new Error(`not understood at ${token || 'its end'}: ${text}`);
    if (!take('(')) return lookUp(token, names);
    const called = functions[token];
    if (called === undefined || !take(')')) throw new Error(`no function ${token}(): ${text}`);
    return called();
  };

  const value = any();
  if (at < tokens.length) throw new Error(`not understood at ${tokens[at]}: ${text}`);
  return value;
}

/** Replaces each `${{ … }}` in a text by its value. */
export function substitute(text: string, names: Context): string {
  return text.replaceAll(/\$\{\{(.*?)\}\}/g, (_, inner: string) => {
    const value = evaluate(inner, names);
    if (typeof value === 'object' && value !== null) throw new Error(`no text: ${inner}`);
    return value === null ? '' : String(value);
  });
}

export function isTrue(value: Value): boolean {
  return value !== '' && value !== 0 && value !== false && value !== null;
}

function isSame(left: Value, right: Value): boolean {
  return typeof left === typeof right ? left === right : Number(left ?? 0) === Number(right ?? 0);
}

/** A missing property of an existing context is empty. */
function lookUp(path: string, names: Context): Value {
  const [first = '', ...rest] = path.split('.');
  let value = names[first];
  if (value === undefined) throw new Error(`there is no ${first} here: ${path}`);
  for (const name of rest) {
    value = typeof value === 'object' ? (value?.[name] ?? null) : null;
  }
  return value;
}

function tokensOf(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.trimEnd().length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match?.[1] === undefined) throw new Error(`not understood at ${text.slice(from)}`);
    tokens.push(match[1]);
  }
  return tokens;
}
