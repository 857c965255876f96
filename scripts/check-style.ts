/**
 * Checks the rules of CONTRIBUTING.md that a linter cannot express. Prints each offence as
 * `file:line: what is wrong, and what to do instead`, and exits with 1 if there are any.
 */
import { globSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 50;
/** Tests are not counted, as each is beside its file. */
const MAX_FOLDER_FILES = 16;
const PATTERN_NAMES = /\/(utils?|helpers?|common|base|core|lib|misc)$/;

interface Rule {
  readonly pattern: RegExp;
  readonly allowedIn: RegExp;
  readonly say: string;
}

const RULES: readonly Rule[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bset(Timeout|Interval)\(|timers\/promises/,
    allowedIn: /^src\/clock\.ts$/,
    say: 'take a Clock (src/clock.ts)',
  },
  {
    pattern: /\bMath\.random\(/,
    allowedIn: /^src\/random\.ts$/,
    say: 'take a Random (src/random.ts)',
  },
  {
    pattern: /\bprocess\.env\b/,
    allowedIn: /^(src\/cli\/main|test\/support\/.*)\.ts$/,
    say: 'take it from the configuration (src/server/config/config.ts)',
  },
  {
    pattern: /\benv\.POSTLUDE_/,
    allowedIn: /^$/,
    say: 'list it in CLIENT_VARIABLES (src/server/config/client-variables.ts), or make it a setting',
  },
  {
    pattern: /\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/,
    allowedIn: /^$/,
    say: 'name the issue: TODO(#12)',
  },
];

const root = join(import.meta.dirname, '..');
const offences: string[] = [];

for (const file of globSync(['src/**/*.ts', 'test/support/**/*.ts'], { cwd: root }).sort()) {
  if (file.startsWith('src/gen/')) continue;
  const source = readFileSync(join(root, file), 'utf8');
  checkLength(file, source);
  if (!file.endsWith('.test.ts')) checkRules(file, source);
  checkFunctions(file, source);
}

offences.push(...checkFolders(globSync('{src,test,scripts,bench}/**/*.{ts,sh}', { cwd: root })));
checkThatCrowdsAreFound();

for (const offence of offences) console.error(offence);
console.log(`check-style: ${offences.length} offences`);
process.exitCode = offences.length === 0 ? 0 : 1;

/** A folder must be small enough to take in at a glance, and named for what it holds. */
function checkFolders(files: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const file of files) {
    if (/\.test\.ts$|^src\/gen\/|\/fixtures\//.test(file)) continue;
    counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  }
  return [...counts].flatMap(([folder, count]) => [
    ...(count > MAX_FOLDER_FILES
      ? [`${folder}: ${count} files; group them (at most ${MAX_FOLDER_FILES})`]
      : []),
    ...(PATTERN_NAMES.test(folder) ? [`${folder}: name it for what it holds`] : []),
  ]);
}

/** Checks that the check can fail: it must find planted folders, one too full and one with a bad name. */
function checkThatCrowdsAreFound(): void {
  const crowd = Array.from({ length: MAX_FOLDER_FILES + 1 }, (_, n) => `src/planted/file-${n}.ts`);
  if (checkFolders([...crowd, 'src/planted/utils/file.ts']).length !== 2) {
    offences.push('planted folders were not found: the check of folders does not work');
  }
}

function checkLength(file: string, source: string): void {
  const lines = source.split('\n').length - 1;
  if (lines > MAX_FILE_LINES) {
    offences.push(`${file}:1: ${lines} lines; split it (at most ${MAX_FILE_LINES})`);
  }
}

function checkRules(file: string, source: string): void {
  source.split('\n').forEach((line, index) => {
    if (/^\s*(\*|\/\/|\/\*)/.test(line) && !/TODO|FIXME|XXX/.test(line)) return;
    for (const rule of RULES) {
      if (rule.pattern.test(line) && !rule.allowedIn.test(file)) {
        offences.push(`${file}:${index + 1}: ${line.trim()}: ${rule.say}`);
      }
    }
  });
}

/** Only functions that have a name count, and not callbacks of `describe` and the like. */
function checkFunctions(file: string, source: string): void {
  const tree = ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true);
  const lineOf = (position: number): number =>
    tree.getLineAndCharacterOfPosition(position).line + 1;
  const visit = (node: ts.Node): void => {
    const name = functionName(node);
    if (name !== undefined) {
      const lines = lineOf(node.getEnd()) - lineOf(node.getStart()) + 1;
      if (lines > MAX_FUNCTION_LINES && !isTestSuite(file)) {
        offences.push(
          `${file}:${lineOf(node.getStart())}: ${name} has ${lines} lines (at most ${MAX_FUNCTION_LINES})`,
        );
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(tree);
}

function functionName(node: ts.Node): string | undefined {
  if (ts.isFunctionDeclaration(node) || ts.isMethodDeclaration(node)) return node.name?.getText();
  if (ts.isConstructorDeclaration(node)) return 'constructor';
  if (ts.isArrowFunction(node) && ts.isVariableDeclaration(node.parent)) {
    return node.parent.name.getText();
  }
  return undefined;
}

/** Files whose functions hold tests: a list of behaviours reads well at any length. */
function isTestSuite(file: string): boolean {
  return file.endsWith('.test.ts') || /^test\/support\/suites\/.*-suite\.ts$/.test(file);
}
