/**
 * Packs the package, installs it into an empty TypeScript project and uses it there with types, as a new
 * user would and as README.md says. It also compiles the TypeScript of all documents there, strictly, and
 * runs publint and "are the types wrong".
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { compileBlocks, countBlocks } from './docs/doc-blocks.ts';
import { linksOf, type Page, readPages } from './docs/markdown.ts';
import { followReadme, serveWithoutOptional } from './try-package.ts';

const root = join(import.meta.dirname, '..');
const { devDependencies, optionalDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<'devDependencies' | 'optionalDependencies', Record<string, string>>;

/** The entries that work without any cloud's packages, which are not installed automatically. */
const EXAMPLES = ['queue.ts', 'outbox.ts', 'exactly-once.ts'];

const COMPILER = { module: 'NodeNext', target: 'ES2024', strict: true, types: ['node'] };

const folder = mkdtempSync(join(tmpdir(), 'postlude-package-'));
try {
  const tarball = pack();
  run('npx', ['publint', '--strict', tarball], root);
  run('npx', ['attw', tarball, '--profile', 'esm-only'], root);
  const project = useInEmptyProject(tarball);
  checkLinks(project);
  await followReadme(project);
  serveWithoutOptional(project, optionalDependencies);
  console.log('check-package: installs, type-checks and runs in an empty project');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function pack(): string {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', folder], {
      cwd: root,
      encoding: 'utf8',
    }),
  ) as [{ filename: string }];
  return join(folder, packed.filename);
}

function useInEmptyProject(tarball: string): string {
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(
    join(project, 'package.json'),
    '{ "name": "empty", "type": "module", "private": true }',
  );
  const packages = [
    'typescript',
    '@types/node',
    'pg',
    '@types/pg',
    'zod',
    'express',
    '@types/express',
    'fastify',
  ].map((name) => `${name}@${devDependencies[name]}`);
  run('npm', ['install', '--no-fund', '--no-audit', tarball, ...packages], project);
  for (const example of EXAMPLES) {
    const text = readFileSync(join(root, 'examples', example), 'utf8');
    writeFileSync(join(project, example), text);
  }
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({
      compilerOptions: { ...COMPILER, outDir: 'out' },
      include: EXAMPLES,
    }),
  );
  run('npx', ['tsc'], project);
  run(process.execPath, [join('out', 'queue.js')], project);
  run('npx', ['postlude', '--version'], project);
  checkDocuments(project);
  return project;
}

/** The pages that README.md links to must be in the package, the only place where readers surely find them. */
function checkLinks(project: string): void {
  const readme = readPages().filter(({ path }) => path === 'README.md');
  const missing = readme
    .flatMap(linksOf)
    .map(({ text }) => text.replace(/#.*$/, ''))
    .filter((link) => link !== '' && !/^[a-z]+:/.test(link))
    .filter((link) => !existsSync(join(project, 'node_modules/@postlude/postlude', link)));
  if (missing.length > 0) throw new Error(`not in the package: ${missing.join(', ')}`);
}

/** Also checks that the check can fail: it must find a name that is not exported, planted in a page. */
function checkDocuments(project: string): void {
  const pages = readPages();
  const errors = errorsOf(pages, project);
  for (const error of errors) console.error(error);
  if (errors.length > 0) throw new Error(`${errors.length} errors in the blocks of the documents`);
  const planted = "```ts\nimport { noSuchName } from '@postlude/postlude/tasks';\n```\n";
  if (errorsOf([{ path: 'planted.md', text: planted }], project).length === 0) {
    throw new Error('a planted fault was not found: the check of the documents does not work');
  }
  console.log(`check-package: ${countBlocks(pages)} blocks of the documents compile`);
}

function errorsOf(pages: readonly Page[], project: string): string[] {
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...COMPILER,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      allowImportingTsExtensions: true,
    },
    project,
  );
  return compileBlocks(pages, {
    folder: mkdtempSync(join(project, 'pages-')),
    options,
    generated: join(project, 'node_modules/@postlude/postlude/dist/gen'),
  });
}

function run(command: string, args: readonly string[], cwd: string): void {
  execFileSync(command, args, { cwd, stdio: 'inherit' });
}
