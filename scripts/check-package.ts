/**
 * Packs both packages and uses them in empty strict TypeScript projects, as new users would: the queue alone
 * on the embedded database, and both as README.md says. It also compiles the TypeScript of all documents
 * there, and runs publint and "are the types wrong".
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ts from 'typescript';
import { compileBlocks, countBlocks } from './docs/doc-blocks.ts';
import { blocksOf, linksOf, type Page, readPages, spansOf } from './docs/markdown.ts';
import { followReadme, serveWithoutOptional } from './try-package.ts';

const root = join(import.meta.dirname, '..');
const { devDependencies, optionalDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as Record<'devDependencies' | 'optionalDependencies', Record<string, string>>;

/** The queue, protobuf, jose and Standard Schema, with room for one more. */
const MAX_QUEUE_PACKAGES = 5;

const PROJECT_PACKAGES = [
  'typescript',
  '@types/node',
  'pg',
  '@types/pg',
  'zod',
  'express',
  '@types/express',
  'fastify',
];

/** The entries that work without any cloud's packages, which are not installed automatically. */
const EXAMPLES = ['queue.ts', 'outbox.ts', 'exactly-once.ts'];

const COMPILER = { module: 'NodeNext', target: 'ES2024', strict: true, types: ['node'] };

// The condition that resolves the packages to their sources is for this repository only.
delete process.env.NODE_OPTIONS;
delete process.env.npm_config_node_options;

const folder = mkdtempSync(join(tmpdir(), 'postlude-package-'));
try {
  const [queue, postlude] = [pack('@postlude/queue'), pack('@postlude/postlude')];
  for (const tarball of [queue, postlude]) {
    run('npx', ['publint', '--strict', tarball], root);
    run('npx', ['attw', tarball, '--profile', 'esm-only'], root);
  }
  useQueueAlone(queue);
  const project = useBoth([queue, postlude]);
  checkLinks(project, '@postlude/postlude', 'README.md');
  checkLinks(project, '@postlude/queue', 'packages/queue/README.md');
  await followReadme(project);
  await serveWithoutOptional(project, optionalDependencies);
  console.log('check-package: both packages install, type-check and run in empty projects');
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function pack(name: string): string {
  const workspace = name === '@postlude/queue' ? ['--workspace', name] : [];
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', folder, ...workspace], {
      cwd: root,
      encoding: 'utf8',
    }),
  ) as [{ filename: string }];
  return join(folder, packed.filename);
}

/** It must bring few packages and no driver, and its types must need none of those that are left out. */
function useQueueAlone(tarball: string): void {
  const project = emptyProject('queue', [tarball]);
  const installed = readInstalled(project);
  console.log(`check-package: @postlude/queue installs ${installed.join(', ')}`);
  if (installed.length > MAX_QUEUE_PACKAGES) throw new Error('the queue brings too many packages');
  install(project, ['typescript', '@types/node', '@electric-sql/pglite']);
  const [example] = blocksOf(pageOf('packages/queue/README.md')).filter(
    ({ language }) => language === 'ts',
  );
  if (!example) throw new Error('packages/queue/README.md has no example');
  writeFileSync(join(project, 'example.ts'), example.text);
  compile(project, ['example.ts'], { skipLibCheck: false });
  run(process.execPath, [join('out', 'example.js')], project);
}

function useBoth(tarballs: readonly string[]): string {
  const project = emptyProject('project', tarballs);
  install(project, PROJECT_PACKAGES);
  for (const example of EXAMPLES) {
    const text = readFileSync(join(root, 'examples', example), 'utf8');
    writeFileSync(join(project, example), text);
  }
  compile(project, EXAMPLES);
  run(process.execPath, [join('out', 'queue.js')], project);
  run('npx', ['postlude', '--version'], project);
  checkDocuments(project);
  return project;
}

function emptyProject(name: string, tarballs: readonly string[]): string {
  const project = join(folder, name);
  mkdirSync(project);
  writeFileSync(
    join(project, 'package.json'),
    '{ "name": "empty", "type": "module", "private": true }',
  );
  run('npm', ['install', '--no-fund', '--no-audit', ...tarballs], project);
  return project;
}

/** Installs packages in the versions that this repository uses. */
function install(project: string, names: readonly string[]): void {
  const versions = { ...optionalDependencies, ...devDependencies };
  const packages = names.map((name) => `${name}@${versions[name]}`);
  run('npm', ['install', '--no-fund', '--no-audit', ...packages], project);
}

function readInstalled(project: string): string[] {
  const { packages } = JSON.parse(
    readFileSync(join(project, 'node_modules/.package-lock.json'), 'utf8'),
  ) as { readonly packages: Readonly<Record<string, object>> };
  return Object.keys(packages).map((path) => path.replace(/^node_modules\//, ''));
}

function compile(project: string, files: readonly string[], options: object = {}): void {
  writeFileSync(
    join(project, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: { ...COMPILER, ...options, outDir: 'out' }, include: files }),
  );
  run('npx', ['tsc'], project);
}

/** What a README links to, or names, must be in its package, the only place where readers surely find it. */
function checkLinks(project: string, name: string, readme: string): void {
  const page = pageOf(readme);
  const links = linksOf(page).map(({ text }) => text.replace(/#.*$/, ''));
  const named = spansOf(page).flatMap(({ text }) => /^(docs|examples)\/\S+$/.exec(text)?.[0] ?? []);
  const missing = [...links, ...named]
    .filter((path) => path !== '' && !/^[a-z]+:/.test(path))
    .filter((path) => !existsSync(join(project, 'node_modules', name, path)));
  if (missing.length > 0) throw new Error(`not in ${name}: ${missing.join(', ')}`);
}

function pageOf(name: string): Page {
  const page = readPages().find(({ path }) => path === name);
  if (!page) throw new Error(`there is no ${name}`);
  return page;
}

/** Also checks that the check can fail: it must find a name that is not exported, planted in a page. */
function checkDocuments(project: string): void {
  const pages = readPages();
  const errors = errorsOf(pages, project);
  for (const error of errors) console.error(error);
  if (errors.length > 0) throw new Error(`${errors.length} errors in the blocks of the documents`);
  const planted = "```ts\nimport { noSuchName } from '@postlude/queue';\n```\n";
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
