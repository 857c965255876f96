/**
 * Compares ingest with the shared reports of real runners and with hostile files. Prints one line for each,
 * and a JSON object as the last line. Exits with 1 if a difference is not explained, or if the reports are
 * missing.
 */
import { compareAll, corporaFolder, NO_CORPORA } from '../test/corpora.ts';
import { CommandLine } from './command-line.ts';

new CommandLine({ command: 'npm run test:corpora', options: {} });

const HEAD = {
  name: 'case',
  expected: 'runner: tests / passed / failed / errored / skipped / flaky',
  ours: 'ours',
  verdict: 'verdict',
  reason: '',
};

const folder = corporaFolder();
if (folder === undefined) {
  console.error(`test-corpora: nothing was compared: ${NO_CORPORA}`);
  process.exit(1);
}

const comparisons = await compareAll(folder);
const columns = ['name', 'expected', 'ours', 'verdict'] as const;
const rows = [HEAD, ...comparisons];
const widths = columns.map((column) => Math.max(...rows.map((row) => row[column].length)));
for (const row of rows) {
  const cells = columns.map((column, index) => row[column].padEnd(widths[index] ?? 0));
  console.log(`${cells.join(' | ')} | ${row.reason}`.trimEnd());
}

const totals = { equal: 0, explained: 0, kept: 0, wrong: 0 };
for (const { verdict } of comparisons) totals[verdict] += 1;
console.log(JSON.stringify({ corpora: { cases: comparisons.length, ...totals } }));
if (comparisons.length === 0) console.error(`test-corpora: ${folder} has no reports`);
process.exitCode = totals.wrong === 0 && comparisons.length > 0 ? 0 : 1;
