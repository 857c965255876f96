/** Checks that links of the documents, and paths in documents and comments, lead to something that exists. */
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { describe, expect, test } from 'vitest';
import { anchorsOf, linksOf, type Page, readPages, spansOf } from '../../scripts/docs/markdown.ts';

const ROOT = join(import.meta.dirname, '../..');
const PATH =
  /(?<![\w./-])(?:src|packages|test|scripts|bench|examples|docs|proto)\/[\w./*-]+\.[a-z]+\b/g;
const SOURCES = ['src', 'packages/queue/src'];
const COMMENT = /^\s*(?:\*|\/\/|\/\*\*?|--)(.*)$/;

/** `NAME` in a path stands for any name. */
function isThere(named: string): boolean {
  const path = named.replace(/\bNAME\b/, '*');
  return path.includes('*')
    ? globSync(path, { cwd: ROOT }).length > 0
    : existsSync(join(ROOT, path));
}

function brokenLinks(pages: readonly Page[], all = pages): string[] {
  const byPath = new Map(all.map((page) => [page.path, page]));
  return pages.flatMap((page) =>
    linksOf(page).flatMap(({ text, line }) => {
      if (/^[a-z]+:/.test(text)) return [];
      const [file = '', anchor] = text.split('#');
      const path = file === '' ? page.path : normalize(join(dirname(page.path), file));
      const target = byPath.get(path);
      const isRight =
        isThere(path) && (anchor === undefined || (target && anchorsOf(target).has(anchor)));
      return isRight ? [] : [`${page.path}:${line}: ${text}`];
    }),
  );
}

/** Finds paths in the inline code of a page, either in full or below the sources of a package. */
function brokenPaths(pages: readonly Page[]): string[] {
  return pages.flatMap((page) =>
    spansOf(page).flatMap(({ text, line }) => {
      const paths =
        text.match(PATH) ?? (/^[a-z-]+(\/[a-z-]+)*\/[a-z-]+\.ts$/.test(text) ? [text] : []);
      const missing = paths.filter(
        (path) => ![path, ...SOURCES.map((sources) => `${sources}/${path}`)].some(isThere),
      );
      return missing.map((path) => `${page.path}:${line}: ${path}`);
    }),
  );
}

function brokenInComments(file: string, text: string): string[] {
  return text.split('\n').flatMap((content, index) => {
    const comment = COMMENT.exec(content)?.[1] ?? '';
    const missing = (comment.match(PATH) ?? []).filter((path) => !isThere(path));
    return missing.map((path) => `${file}:${index + 1}: ${path}`);
  });
}

/** Reads lines of the form `  name/  file.ts  words`, in which two more blanks mean one folder deeper. */
function readRooms(block: string, sources: string): { folder: string; file: string | undefined }[] {
  const path: string[] = [sources];
  return block.split('\n').flatMap((line) => {
    const [, indent = '', name, file] = /^( *)([\w-]+)\/ +([\w-]+\.ts)?/.exec(line) ?? [];
    if (name === undefined) return [];
    path.splice(indent.length / 2 + 1, path.length, name);
    const folder = path.join('/');
    return [{ folder, file: file && `${folder}/${file}` }];
  });
}

describe('everything that is named exists', () => {
  test('in links of the documents, including anchors', () => {
    const links = readPages().flatMap(linksOf);
    expect(links.length).toBeGreaterThan(60);
    expect(brokenLinks(readPages())).toEqual([]);
  });

  test('by paths in the documents', () => {
    expect(brokenPaths(readPages())).toEqual([]);
  });

  test('by paths in comments of TypeScript and SQL', () => {
    const files = globSync('{src,packages/*/src,test,scripts,bench,examples}/**/*.{ts,sql}', {
      cwd: ROOT,
      exclude: ['**/node_modules/**', 'src/gen/**', 'test/fixtures/**'],
    });
    expect(files.length).toBeGreaterThan(500);
    const broken = files.flatMap((file) =>
      brokenInComments(file, readFileSync(join(ROOT, file), 'utf8')),
    );
    expect(broken).toEqual([]);
  });

  test('the drawings of the layers have those that are checked', async () => {
    const { PACKAGES } = (await import(join(ROOT, '.dependency-cruiser.js'))) as {
      PACKAGES: readonly { readonly layers: readonly (readonly string[])[] }[];
    };
    const text = readPages().find(({ path }) => path === 'ARCHITECTURE.md')?.text ?? '';
    const [, section = ''] = /## Layers\n([\s\S]*?)\n#{2,3} /.exec(text) ?? [];
    const drawings = [...section.matchAll(/```\n([\s\S]*?)```/g)].map(([, block = '']) => block);
    // The names stand before the first three blanks.
    const names = drawings.map((block) =>
      block
        .trim()
        .split('\n')
        .map((line) => (line.split(/ {3}/)[0] ?? line).trim().split(/ +/)),
    );
    expect(names).toEqual(PACKAGES.map(({ layers }) => layers));
  });

  test.each(SOURCES)(
    'the drawing of the rooms in %s has every folder, and the files to begin with',
    (sources) => {
      const drawing = readPages().find(({ path }) => path === 'ARCHITECTURE.md')?.text ?? '';
      const [, section = ''] = /### Rooms\n([\s\S]*?)\n##/.exec(drawing) ?? [];
      const [, block = ''] =
        new RegExp(`\\n\`${sources}\`[\\s\\S]*?\`\`\`\\n([\\s\\S]*?)\`\`\``).exec(section) ?? [];
      const drawn = readRooms(block, sources);
      expect(drawn.filter(({ file }) => file !== undefined && !isThere(file))).toEqual([]);
      const files = globSync(`${sources}/*/**/*.ts`, { cwd: ROOT, exclude: ['src/gen/**'] });
      const folders = new Set(files.map((file) => dirname(file)));
      const withFiles = drawn.filter(({ file }) => file !== undefined).map(({ folder }) => folder);
      expect(withFiles.sort()).toEqual([...folders].sort());
    },
  );

  test('README names the version of Node.js that package.json requires', () => {
    const { engines } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
      engines: { node: string };
    };
    const readme = readPages().find(({ path }) => path === 'README.md')?.text;
    expect(readme).toContain(`Node.js ${engines.node.replace('>=', '≥ ')}`);
  });
});

/** Returns the pages below docs/ that the index does not link. */
function unlisted(pages: readonly Page[]): string[] {
  const index = pages.find(({ path }) => path === 'docs/README.md');
  const listed = new Set(index ? linksOf(index).map(({ text }) => join('docs', text)) : []);
  return pages
    .map(({ path }) => path)
    .filter((path) => path.startsWith('docs/') && path !== index?.path && !listed.has(path));
}

describe('the index', () => {
  test('lists every page below docs/', () => {
    expect(unlisted(readPages())).toEqual([]);
  });

  test('is found to lack a page', () => {
    const planted = { path: 'docs/planted.md', text: '' };
    expect(unlisted([...readPages(), planted])).toEqual(['docs/planted.md']);
  });
});

describe('what does not exist is found', () => {
  const page = (text: string): Page[] => [{ path: 'docs/planted.md', text }];

  test.each(['[a](gone.md)', '[a](queue.md#no-such-heading)', '[a](#gone)', '[a](../src/gone.ts)'])(
    'by the link %s',
    (text) => {
      expect(brokenLinks(page(text), [...readPages(), ...page(text)])).toHaveLength(1);
    },
  );

  test.each(['`src/tasks/gone.ts`', '`tasks/gone.ts`', '`node bench/gone.ts`'])(
    'by the path %s',
    (text) => {
      expect(brokenPaths(page(text))).toHaveLength(1);
    },
  );

  test.each(['-- see src/gone.ts', ' * see test/gone.test.ts', '// scripts/gone.sh'])(
    'by the comment %s',
    (text) => {
      expect(brokenInComments('planted.ts', text)).toHaveLength(1);
    },
  );
});
