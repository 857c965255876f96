/** The benches by name: each file of these folders is one, except for the one that runs them. */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';

const BENCH = join(import.meta.dirname, '..');
const FOLDERS = ['.', 'queue'];
const RUNNER = 'run';

export function benchFiles(): ReadonlyMap<string, string> {
  const files = FOLDERS.flatMap((folder) =>
    readdirSync(join(BENCH, folder))
      .filter((file) => file.endsWith('.ts'))
      .map((file) => [basename(file, '.ts'), join(BENCH, folder, file)] as const),
  );
  return new Map(files.filter(([name]) => name !== RUNNER).sort());
}
