/** Compiles the TypeScript of the documents against the sources; check:package does so against the package. */
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { expect, onTestFinished, test } from 'vitest';
import { compileBlocks, countBlocks } from '../../scripts/docs/doc-blocks.ts';
import { type Page, readPages } from '../../scripts/docs/markdown.ts';

const ROOT = join(import.meta.dirname, '../..');

/** A page may declare what it does not use. */
const SHOWN = { noUnusedLocals: false, noUnusedParameters: false, verbatimModuleSyntax: false };
/** The entries of this package, without a build. */
const SOURCES = {
  '@postlude/postlude': [join(ROOT, 'src/index.ts')],
  '@postlude/postlude/*': [join(ROOT, 'src/entry-points/*.ts')],
};

function errorsOf(pages: readonly Page[]): string[] {
  const { config } = ts.readConfigFile(join(ROOT, 'tsconfig.json'), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const folder = mkdtempSync(join(ROOT, 'node_modules/.postlude-docs-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return compileBlocks(pages, {
    folder,
    options: { ...options, ...SHOWN, paths: SOURCES },
    generated: join(ROOT, 'src/gen'),
  });
}

test('every TypeScript block of the documents compiles', () => {
  const pages = readPages();
  expect(countBlocks(pages)).toBeGreaterThanOrEqual(20);
  expect(errorsOf(pages)).toEqual([]);
});

test('a block that does not compile is found, with its place', () => {
  const block = (code: string): string => `\`\`\`ts\n${code}\n\`\`\`\n`;
  const planted = [
    'await queue.enqueue(tx, [task]);',
    "import { noSuchName } from '@postlude/queue';",
    'const limit: number = queue;',
    'notDeclared();',
  ];
  const text = `# A page\n\n${planted.map(block).join('\n')}`;
  const errors = errorsOf([{ path: 'docs/storage.md', text }]);
  for (const [index, code] of planted.entries()) {
    expect(errors.join('\n'), code).toContain(`docs/storage.md:${4 + 4 * index}: `);
  }
});

test('a block that names its file is a module, which other files of the page import', () => {
  const shop = '```ts\n// shop.ts\nexport const price: number = 17;\n```\n';
  const order = "```ts\n// order.ts\nimport { price, tax } from './shop.ts';\nprice + tax;\n```\n";
  const errors = errorsOf([{ path: 'docs/planted.md', text: `${shop}\n${order}` }]);
  expect(errors).toHaveLength(1);
  expect(errors[0]).toMatch(/^docs\/planted\.md:8: .*'tax'/);
});
