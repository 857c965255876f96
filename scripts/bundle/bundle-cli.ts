/**
 * Bundles the `postlude` command. A command that runs for a moment spends most of its time on finding,
 * reading and compiling modules, so their number counts: `inspect` needs 90 of them, and what talks to a
 * server 350. In the bundle, each command and what commands share is a chunk, and is loaded when it is needed.
 *
 * The packages that all clients load are part of it. Others stay outside: they are loaded on demand, or by
 * servers, and some of them look for files of their own. Names and lines stay as they were written, so that
 * stack traces can be read; `node --enable-source-maps` shows the sources.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';
import { type OutputChunk, type Plugin, rolldown } from 'rolldown';

const ROOT = join(import.meta.dirname, '..', '..');
const QUEUE = join(ROOT, 'packages', 'queue');
const QUEUE_PACKAGE = '@postlude/queue';

/** What is bundled beside our own packages, with what these packages are made of. */
const BUNDLED =
  /^(@postlude\/queue|@bufbuild\/protobuf|@connectrpc\/connect(-node)?|commander|jose|saxes|xmlchars)(\/|$)/;

/** The modules that do something when they are loaded. */
const STARTING = /[\\/]src[\\/]cli[\\/](main|process[\\/]small-heap)\.ts$/;

/** Writes the bundle into `folder`, which is replaced. `main.js` is the command. */
export async function bundleCli(folder: string): Promise<void> {
  rmSync(folder, { recursive: true, force: true });
  const bundle = await rolldown({
    input: { main: join(ROOT, 'src', 'cli', 'main.ts') },
    platform: 'node',
    resolve: { conditionNames: ['postlude-source', 'node', 'import'] },
    external: (id) => /^[@a-z]/i.test(id) && !BUNDLED.test(id),
    treeshake: { moduleSideEffects: (id) => STARTING.test(id) },
    // Otherwise, modules that a few commands share are put together with those of servers.
    experimental: { chunkOptimization: false },
    plugins: [placesOfModules(folder)],
  });
  try {
    const { output } = await bundle.write({
      dir: folder,
      format: 'esm',
      sourcemap: true,
      sourcemapExcludeSources: true,
      chunkFileNames: '[name]-[hash].js',
    });
    const chunks = output.filter((each): each is OutputChunk => each.type === 'chunk');
    writeFileSync(join(folder, 'LICENSES.txt'), licensesOf(chunks));
  } finally {
    await bundle.close();
  }
}

/** Lets modules find the files beside them in dist/, although their own code is in the bundle. */
function placesOfModules(folder: string): Plugin {
  return {
    name: 'places-of-modules',
    transform(code, id) {
      if (id.includes('node_modules') || !code.includes('import.meta.url')) return undefined;
      return { code: code.replaceAll('import.meta.url', placeOf(id, folder)), map: null };
    },
  };
}

/** Returns an expression for the URL of the compiled module of a source. */
function placeOf(source: string, folder: string): string {
  const compiled = (from: string, dist: string): string => {
    const path = join(dist, relative(join(from, 'src'), source)).replace(/\.ts$/, '.js');
    return path.split(sep).join('/');
  };
  if (source.startsWith(QUEUE + sep)) {
    const path = JSON.stringify(compiled(QUEUE, 'dist'));
    return `new URL(${path}, import.meta.resolve('${QUEUE_PACKAGE}/package.json')).href`;
  }
  const path = JSON.stringify(compiled(ROOT, relative(folder, join(ROOT, 'dist'))));
  return `new URL(${path}, import.meta.url).href`;
}

/** The licenses of others' packages ask to be passed on with their code. */
function licensesOf(chunks: readonly OutputChunk[]): string {
  const ids = chunks.flatMap(({ moduleIds }) => moduleIds);
  const folders = ids.flatMap(
    (id) => /^.*node_modules[\\/](@[^\\/]+[\\/])?[^\\/]+/.exec(id)?.[0] ?? [],
  );
  return [...new Set(folders)].sort().map(licenseOf).join('\n\n');
}

function licenseOf(folder: string): string {
  const { name, version, license } = JSON.parse(
    readFileSync(join(folder, 'package.json'), 'utf8'),
  ) as Readonly<Record<'name' | 'version' | 'license', string>>;
  const file = readdirSync(folder).find((each) => /^licen[sc]e/i.test(each));
  const text = file === undefined ? '' : `\n\n${readFileSync(join(folder, file), 'utf8').trim()}`;
  return `${name} ${version}: ${license}${text}\n`;
}
