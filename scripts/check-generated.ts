/** Fails if src/gen differs from what `npm run generate` makes of proto/. It changes nothing. */
import { execFileSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const GENERATED = 'src/gen';

const folder = mkdtempSync(join(tmpdir(), 'postlude-generate-'));
try {
  execFileSync('buf', ['lint'], { stdio: 'inherit' });
  execFileSync('buf', ['generate', '--output', folder], { stdio: 'inherit' });
  const stale = differences(join(folder, GENERATED), GENERATED);
  for (const path of stale) console.log(`${GENERATED}/${path}: stale; run "npm run generate"`);
  if (stale.length === 0) console.log(`${GENERATED} is up to date`);
  process.exitCode = stale.length === 0 ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true });
}

function differences(fresh: string, committed: string): string[] {
  const paths = new Set([...filesIn(fresh), ...filesIn(committed)]);
  return [...paths].filter((path) => contentOf(fresh, path) !== contentOf(committed, path)).sort();
}

function filesIn(root: string): string[] {
  return globSync('**/*.{js,ts}', { cwd: root });
}

function contentOf(root: string, path: string): string | undefined {
  try {
    return readFileSync(join(root, path), 'utf8');
  } catch {
    return undefined;
  }
}
