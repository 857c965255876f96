/** ResultDB's rules for ids of tests and of modules, apart from those of their scheme. */
import { CodedError } from '@postlude/queue/foundations';
import { problemOfPrintable, quoteRune } from './printable.ts';
import { formatFlatId, LEGACY, parseFlatId, type StructuredId } from './structured-id.ts';

/** The limit on the flat form of an id. */
export const MAX_TEST_ID_BYTES = 512;
const MAX_NAME_BYTES = 300;
const MAX_SCHEME_BYTES = 20;
const SCHEME_PATTERN = /^[a-z][a-z0-9]*$/;
/** The case name of the results of what prepares and cleans up for the cases of a fine name. */
const FIXTURE = '*fixture';

/** Returns the id in its flat form. Throws `invalid-argument`. */
export function checkTestId(testId: string): string {
  if (testId === '') throw invalid('unspecified');
  requirePrintable(testId);
  checkStructuredId(parseFlatId(testId));
  return testId;
}

/** Messages begin with the field: `coarse_name: longer than 300 bytes`. Throws `invalid-argument`. */
export function checkStructuredId(id: StructuredId): StructuredId {
  checkModule(id);
  for (const [field, name] of [
    ['coarse_name', id.coarseName],
    ['fine_name', id.fineName],
  ] as const) {
    inPart(field, () => checkLevelName(name));
  }
  if (id.fineName === '' && id.coarseName !== '') {
    throw invalid('fine_name: unspecified when coarse_name is specified');
  }
  if (id.caseName === '') throw invalid('case_name: unspecified');
  if (id.moduleName === LEGACY) checkLegacy(id);
  else inPart('case_name', () => checkCaseName(id.caseName));
  if (Buffer.byteLength(formatFlatId(id)) > MAX_TEST_ID_BYTES) {
    throw invalid(`test ID exceeds ${MAX_TEST_ID_BYTES} bytes in encoded form`);
  }
  return id;
}

/** Checks the name and the scheme of a module. Throws `invalid-argument`. */
export function checkModule({
  moduleName,
  moduleScheme,
}: Pick<StructuredId, 'moduleName' | 'moduleScheme'>): void {
  inPart('module_name', () => {
    if (moduleName === '') throw invalid('unspecified');
    requireStrict(moduleName, MAX_NAME_BYTES);
  });
  inPart('module_scheme', () => {
    if (moduleScheme === '') throw invalid('unspecified');
    requireStrict(moduleScheme, MAX_SCHEME_BYTES);
    if (!SCHEME_PATTERN.test(moduleScheme)) {
      throw invalid(`does not match ${JSON.stringify(SCHEME_PATTERN.source)}`);
    }
    const [isLegacyName, isLegacyScheme] = [moduleName === LEGACY, moduleScheme === LEGACY];
    if (isLegacyName && !isLegacyScheme) {
      throw invalid(`must be set to "${LEGACY}" for tests in the "${LEGACY}" module`);
    }
    if (isLegacyScheme && !isLegacyName) {
      throw invalid(`must not be set to "${LEGACY}" except for tests in the "${LEGACY}" module`);
    }
  });
}

function checkLegacy({ caseName, coarseName, fineName }: StructuredId): void {
  const suffix = `for tests in the "${LEGACY}" module`;
  if (coarseName !== '') throw invalid(`coarse_name: must be empty ${suffix}`);
  if (fineName !== '') throw invalid(`fine_name: must be empty ${suffix}`);
  inPart('case_name', () => {
    if (caseName.startsWith(':')) throw invalid(`must not start with ':' ${suffix}`);
    requireShort(caseName, MAX_TEST_ID_BYTES);
    requirePrintable(caseName);
    if (caseName.startsWith('*')) throw invalid(`must not start with '*' ${suffix}`);
  });
}

/** Names that begin with a character up to the comma are reserved. */
function checkLevelName(name: string): void {
  requireStrict(name, MAX_NAME_BYTES);
  if (name === '' || name.charAt(0) > ',') return;
  throw invalid(
    `character ${quoteRune(name.charAt(0))} may not be used as a leading character of a coarse or fine name`,
  );
}

function checkCaseName(name: string): void {
  requireStrict(name, MAX_TEST_ID_BYTES);
  if (name === FIXTURE) return;
  const first = name.charAt(0);
  if (first <= ',') {
    throw invalid(
      first === '*'
        ? `character * may not be used as a leading character of a case name, unless the case name is '${FIXTURE}'`
        : `character ${quoteRune(first)} may not be used as a leading character of a case name`,
    );
  }
  checkParts(name);
}

/** The parts of a case name have colons between them; in a part, a backslash escapes these and itself. */
function checkParts(name: string): void {
  const stray = /^(?:[^\\]|\\[\\:])*\\(?![\\:])/u.exec(name)?.[0];
  if (stray !== undefined) {
    const byte = Buffer.byteLength(stray);
    const next = name.codePointAt(stray.length);
    throw invalid(
      next === undefined
        ? `unfinished escape sequence at byte ${byte}, got end of string; expected one of \\ or :`
        : `got unexpected character ${quoteRune(String.fromCodePoint(next))} at byte ${byte}, while processing escape sequence (\\); only the characters \\ and : may be escaped`,
    );
  }
  const parts = name.replaceAll(/\\[\\:]/g, '_').split(':');
  const empty = parts.indexOf('');
  if (empty >= 0) {
    throw invalid(
      `component ${empty + 1} is empty, each component of the case name must be non-empty`,
    );
  }
}

function requireStrict(text: string, maxBytes: number): void {
  requireShort(text, maxBytes);
  requirePrintable(text);
  const replaced = text.indexOf('\ufffd');
  if (replaced < 0) return;
  const byte = Buffer.byteLength(text.slice(0, replaced));
  throw invalid(`unicode replacement character (U+FFFD) at byte index ${byte}`);
}

function requireShort(text: string, maxBytes: number): void {
  if (Buffer.byteLength(text) > maxBytes) throw invalid(`longer than ${maxBytes} bytes`);
}

function requirePrintable(text: string): void {
  const problem = problemOfPrintable(text);
  if (problem !== undefined) throw invalid(problem);
}

function inPart(field: string, check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof CodedError) throw invalid(`${field}: ${error.message}`);
    throw error;
  }
}

function invalid(message: string): CodedError {
  return new CodedError('invalid-argument', message);
}
