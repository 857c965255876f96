/**
 * The two forms of a test's id. The flat form is the one that is stored and named; it is either any text, or
 * `:module!scheme:coarse:fine#case`, in which a backslash escapes the four delimiters and itself. Any text is
 * the id of a case of the module `legacy`, so every id has both forms, and each follows from the other.
 *
 * A case name may have several parts with colons between them, so it keeps the escapes `\:` and `\\`.
 */
import { CodedError, hasCode } from '@postlude/queue/foundations';
import { quoteRune } from './printable.ts';

export interface StructuredId {
  readonly moduleName: string;
  readonly moduleScheme: string;
  /** Empty if the scheme has no such level. */
  readonly coarseName: string;
  /** Empty if the scheme has no such level. */
  readonly fineName: string;
  readonly caseName: string;
}

export const LEGACY = 'legacy';

const PATTERN = '(test ID pattern is :module!scheme:coarse:fine#case)';
const ESCAPABLE = ':!#\\';

/** Throws `invalid-argument` with ResultDB's texts. */
export function parseFlatId(testId: string): StructuredId {
  if (!testId.startsWith(':')) return legacyId(testId);
  const reader = new ComponentReader(testId);
  const moduleName = reader.read('!');
  if (moduleName === LEGACY) {
    throw invalid(`module "${LEGACY}" may not be used within a structured test ID encoding`);
  }
  return {
    moduleName,
    moduleScheme: reader.read(':'),
    coarseName: reader.read(':'),
    fineName: reader.read('#'),
    caseName: reader.read(undefined),
  };
}

/** Does the same for an id from the database, which may be older than the rules for structured ids. */
export function structuredIdOf(testId: string): StructuredId {
  try {
    return parseFlatId(testId);
  } catch (error) {
    if (hasCode(error, 'invalid-argument')) return legacyId(testId);
    throw error;
  }
}

export function formatFlatId(id: StructuredId): string {
  if (id.moduleName === LEGACY) return id.caseName;
  const [module, coarse, fine] = [id.moduleName, id.coarseName, id.fineName].map((name) =>
    name.replaceAll(/[:!#\\]/g, '\\$&'),
  );
  const caseName = id.caseName.replaceAll(/[!#]/g, '\\$&');
  return `:${module}!${id.moduleScheme}:${coarse}:${fine}#${caseName}`;
}

function legacyId(caseName: string): StructuredId {
  return { moduleName: LEGACY, moduleScheme: LEGACY, coarseName: '', fineName: '', caseName };
}

/** Reads one component after another. */
class ComponentReader {
  readonly #text: string;
  /** After the colon at the beginning. */
  #at = 1;

  constructor(text: string) {
    this.#text = text;
  }

  /** Reads up to the delimiter, and over it; the case name, up to the end. */
  read(delimiter: string | undefined): string {
    const isCase = delimiter === undefined;
    let component = '';
    while (this.#at < this.#text.length) {
      const char = String.fromCodePoint(this.#text.codePointAt(this.#at) ?? 0);
      if (char === '\\') {
        component += this.#readEscape(isCase);
        continue;
      }
      if (char === delimiter) {
        this.#at += 1;
        return component;
      }
      if (':!#'.includes(char) && !(isCase && char === ':')) throw this.#stray(char, delimiter);
      component += char;
      this.#at += char.length;
    }
    if (isCase) return component;
    throw invalid(
      `unexpected end of string at byte ${this.#byte}, expected delimiter '${delimiter}' ${PATTERN}`,
    );
  }

  #readEscape(isCase: boolean): string {
    this.#at += 1;
    const code = this.#text.codePointAt(this.#at);
    if (code === undefined) {
      throw invalid(
        `unfinished escape sequence at byte ${this.#byte}, got end of string; expected one of ${ESCAPABLE}`,
      );
    }
    const char = String.fromCodePoint(code);
    if (!ESCAPABLE.includes(char)) {
      throw invalid(
        `got unexpected character ${quoteRune(char)} at byte ${this.#byte}, while processing escape sequence (\\); only the characters ${ESCAPABLE} may be escaped`,
      );
    }
    this.#at += 1;
    return isCase && (char === ':' || char === '\\') ? `\\${char}` : char;
  }

  #stray(char: string, delimiter: string | undefined): CodedError {
    const end = delimiter === undefined ? 'end of string' : `delimiter '${delimiter}'`;
    return invalid(
      `got delimiter character '${char}' at byte ${this.#byte}; expected normal character, escape sequence or ${end} ${PATTERN}`,
    );
  }

  get #byte(): number {
    return Buffer.byteLength(this.#text.slice(0, this.#at));
  }
}

function invalid(message: string): CodedError {
  return new CodedError('invalid-argument', message);
}
