/**
 * Checks the rules of CONTRIBUTING.md that a linter cannot express. Prints each offence as
 * `file:line: what is wrong, and what to do instead`, and exits with 1 if there are any. Each check
 * first proves itself on files that are planted for it: some it must refuse, some it must accept.
 */
import { join } from 'node:path';
import { booleans } from './checks/booleans.ts';
import { provePlanted, readFiles, readSourceFiles, runCheck } from './checks/check.ts';
import { checkFolders, provePlantedFolders } from './checks/folders.ts';
import { forbiddenCalls } from './checks/forbidden-calls.ts';
import { parameters } from './checks/parameters.ts';
import { patterns } from './checks/patterns.ts';
import { sizes } from './checks/sizes.ts';
import { sqlPlaces } from './checks/sql-places.ts';
import { words } from './checks/words.ts';

const CODE_CHECKS = [sizes, forbiddenCalls, parameters, booleans, sqlPlaces, patterns, words];
/** Documents, interfaces and scripts in other languages. */
const TEXTS = ['*.md', 'docs/**/*.md', 'examples/**/*.md', 'proto/**/*.proto', 'scripts/**/*.sh'];

const project = join(import.meta.dirname, '..');
const code = readSourceFiles(project, 'ts');
const texts = readFiles(project, TEXTS);
const paths = [...code, ...texts].map(({ path }) => path).filter((path) => /\.(ts|sh)$/.test(path));

const offences = [
  ...CODE_CHECKS.flatMap((check) => provePlanted(check)),
  ...provePlantedFolders(),
  ...CODE_CHECKS.flatMap((check) => runCheck(check, code)),
  ...runCheck(words, texts),
  ...checkFolders(paths),
];

for (const offence of offences) console.error(offence);
console.log(`check-style: ${offences.length} offences in ${code.length + texts.length} files`);
process.exitCode = offences.length === 0 ? 0 : 1;
