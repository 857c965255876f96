/**
 * Compiles the TypeScript blocks of the documents, strictly. The blocks of a page follow one another, as
 * for a reader: each sees the declarations of those before it. A block that begins with the name of a
 * file (`// shop.ts`) is that file, and other files of the page can import it. Names that a block uses
 * without declaring them may come from
 *
 * - an entry of the package that exports them, whose import a page need not repeat;
 * - the page's own setting (doc-settings.ts), such as a connected client or an order's id.
 *
 * Everything else, such as a name that is not exported or arguments in the wrong order, is an error at
 * its place in the page.
 */
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';
import { SETTINGS_OF_PAGES } from './doc-settings.ts';
import { type Block, blocksOf, type Page } from './markdown.ts';

/** If two entries export a name, it is taken from the first. */
const ENTRIES = [
  '@postlude/queue',
  ...['tq', 'storage', 'testing', 'foundations', 'postgres', 'pglite', 'spanner'].map(
    (entry) => `@postlude/queue/${entry}`,
  ),
  '@postlude/postlude',
  ...['finalizer', 'exporter'].map((entry) => `@postlude/postlude/${entry}`),
];

export interface Project {
  readonly folder: string;
  readonly options: ts.CompilerOptions;
  /** The code that users generate from `proto/`; pages import it as `./gen/…`. */
  readonly generated: string;
}

type Compile = (files: readonly string[]) => ts.Program;

interface Module {
  readonly page: string;
  /** The path below the folder: `page-3/shop.ts`. */
  readonly path: string;
  readonly text: string;
  /** Holds the line of the page for each line of the module. */
  readonly lines: readonly number[];
}

/**
 * Returns the errors of all pages, as `docs/queue.md:33: …`. The folder is created in a project in which
 * the package can be imported.
 */
export function compileBlocks(pages: readonly Page[], project: Project): string[] {
  const { folder } = project;
  const modules = pages.flatMap((page, index) => [
    ...moduleOf(page, `page-${index}.ts`),
    ...filesOf(page, `page-${index}`),
  ]);
  mkdirSync(folder, { recursive: true });
  symlinkSync(project.generated, join(folder, 'gen'));
  const files = modules.map(({ path, text }) => {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    return file;
  });
  const compile = compilerOf(project);
  const added = withImports(files, join(folder, 'entries.ts'), compile);
  const program = compile(files);
  const found = files.flatMap((file, index) => {
    const module = modules[index];
    const source = program.getSourceFile(file);
    if (!module || !source) throw new Error(`${file} was not compiled`);
    const diagnostics = [
      ...program.getSyntacticDiagnostics(source),
      ...program.getSemanticDiagnostics(source),
    ];
    return diagnostics.map((each) => explain(each, module, added[index] ?? 0));
  });
  return [...new Set(found)];
}

/** Counts the TypeScript blocks, as a check of none would find nothing. */
export function countBlocks(pages: readonly Page[]): number {
  return pages.flatMap(blocksOf).filter(isTypeScript).length;
}

function isTypeScript({ language }: Block): boolean {
  return language === 'ts' || language === 'typescript';
}

/** Returns the name of the file that a block is, from its first line: `// shop.ts`. */
function fileNameOf({ text }: Block): string | undefined {
  return /^\/\/ ([a-z-]+\.ts)\n/.exec(text)?.[1];
}

/** Returns the blocks of a page that are files, each as a module of its own. */
function filesOf(page: Page, folder: string): Module[] {
  return blocksOf(page)
    .filter(isTypeScript)
    .flatMap((block) => {
      const name = fileNameOf(block);
      if (name === undefined) return [];
      const lines = block.text.split('\n').map((_, index) => block.line + index);
      return [{ page: page.path, path: join(folder, name), text: block.text, lines }];
    });
}

/** Returns the other blocks as one module: imports first, then each block in the scope of the one before. */
function moduleOf(page: Page, path: string): Module[] {
  const blocks = blocksOf(page).filter((block) => isTypeScript(block) && !fileNameOf(block));
  if (blocks.length === 0) return [];
  const imports: [text: string, line: number][] = [];
  const body: [text: string, line: number][] = [];
  for (const block of blocks) {
    body.push(['{', block.line]);
    splitImports(block, imports, body);
  }
  body.push(['}'.repeat(blocks.length), 0]);
  const setting = (SETTINGS_OF_PAGES[page.path] ?? '').split('\n');
  const all = [...setting.map((text) => [text, 0] as const), ...unique(imports), ...body];
  return [
    {
      page: page.path,
      path,
      text: `export {};\n${all.map(([text]) => text).join('\n')}\n`,
      lines: [0, ...all.map(([, line]) => line)],
    },
  ];
}

/** Keeps one of several equal imports, as two blocks may import the same. */
function unique(imports: readonly [string, number][]): [string, number][] {
  const seen = new Set<string>();
  return imports.filter(([text]) => !seen.has(text) && seen.add(text));
}

function splitImports(
  { text, line }: Block,
  imports: [string, number][],
  body: [string, number][],
): void {
  const source = ts.createSourceFile('block.ts', text, ts.ScriptTarget.Latest, true);
  const taken = source.statements.filter(ts.isImportDeclaration);
  for (const each of taken) imports.push([each.getText().replaceAll('\n', ' '), line]);
  const isOfImport = (position: number): boolean =>
    taken.some((each) => position >= each.getStart() && position < each.end);
  let position = 0;
  text.split('\n').forEach((each, index) => {
    // A block may show only a property, and only a file, not a block, can have exports.
    const shown = each.replace(/^export (?=const|function)/, '');
    if (!isOfImport(position)) body.push([shown, line + index]);
    position += each.length + 1;
  });
}

/** Adds the imports that pages do not repeat, and returns how many lines each file got. */
function withImports(files: readonly string[], entries: string, compile: Compile): number[] {
  writeEntries(entries);
  const program = compile([...files, entries]);
  const exported = namesOfEntries(program, entries);
  return files.map((file) => {
    const missing = new Set(
      program
        .getSemanticDiagnostics(program.getSourceFile(file))
        .filter(({ code }) => code === 2304 || code === 2552 || code === 18004 || code === 2663)
        .map(
          (each) => /'(\w+)'/.exec(ts.flattenDiagnosticMessageText(each.messageText, '\n'))?.[1],
        ),
    );
    const lines = [...missing].flatMap((name) => {
      const entry = name === undefined ? undefined : exported.get(name);
      return entry === undefined ? [] : [`import { ${name} } from '${entry}';`];
    });
    writeFileSync(file, `${lines.join('\n')}\n${readFileSync(file, 'utf8')}`);
    return Math.max(lines.length, 1);
  });
}

/** Writes a module that imports all entries of the packages. */
function writeEntries(file: string): void {
  const imports = ENTRIES.map((entry, index) => `import * as e${index} from '${entry}';`);
  writeFileSync(file, imports.join('\n'));
}

/** Maps each name to the entry that exports it. */
function namesOfEntries(program: ts.Program, file: string): Map<string, string> {
  const checker = program.getTypeChecker();
  const source = program.getSourceFile(file);
  const names = new Map<string, string>();
  for (const statement of source?.statements ?? []) {
    if (!ts.isImportDeclaration(statement)) continue;
    const entry = (statement.moduleSpecifier as ts.StringLiteral).text;
    const symbol = checker.getSymbolAtLocation(statement.moduleSpecifier);
    if (!symbol) throw new Error(`the package has no entry ${entry}`);
    for (const { name } of checker.getExportsOfModule(symbol)) {
      if (!names.has(name)) names.set(name, entry);
    }
  }
  return names;
}

/** Reads each file once, except for the pages, which change between two compilations. */
function compilerOf({ folder, options }: Project): Compile {
  const host = ts.createCompilerHost(options, true);
  const read = host.getSourceFile.bind(host);
  const known = new Map<string, ts.SourceFile | undefined>();
  host.getSourceFile = (file, ...rest) => {
    if (file.startsWith(folder)) return read(file, ...rest);
    if (!known.has(file)) known.set(file, read(file, ...rest));
    return known.get(file);
  };
  return (files) => ts.createProgram(files, options, host);
}

function explain(diagnostic: ts.Diagnostic, module: Module, added: number): string {
  const { file, start = 0, messageText } = diagnostic;
  const line = file ? file.getLineAndCharacterOfPosition(start).line - added : 0;
  const place = module.lines[line] || 'its setting';
  return `${module.page}:${place}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`;
}
