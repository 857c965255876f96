/**
 * npm run test:luci -- --reference FOLDER [--style connect,grpc,prpc] [--database pglite,postgres,spanner]
 *                      [--only REGEXP] [--list] [--json]
 *
 * Sends requests that LUCI's servers have answered to a server of postlude, and compares the answers. The folder
 * (or the variable LUCI_REFERENCE) has `cases.json`, or `gen_cases.py` that writes it, and `answers*.jsonl`.
 * Differences of the table in docs/api.md are intended. `--list` prints the others. The last line is a
 * JSON object. Exits with 1 if there are others, or if nothing was compared.
 */
import { execFile } from 'node:child_process';
import { access, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { CommandLine } from '../../scripts/command-line.ts';
import { DATABASES, type DatabaseName, startDatabases } from '../scenarios/stage/databases.ts';
import { type Answer, type Case, readAnswers, readCases } from './case.ts';
import { compareAnswers, type Difference, KINDS } from './compare.ts';
import { drive, STYLES, type Style } from './driver.ts';
import { type Intended, readIntended, rowOf } from './intended.ts';
import { startLuciServer } from './luci-server.ts';

const line = new CommandLine({
  command: 'npm run test:luci',
  options: {
    reference: { type: 'string', default: process.env.LUCI_REFERENCE ?? '' },
    style: { type: 'string', default: STYLES.join(',') },
    database: { type: 'string', default: 'pglite' },
    only: { type: 'string', default: '' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const styles = line.list('style', STYLES);
const databases = line.list('database', DATABASES);
const folder = line.values.reference;
if (folder === '') line.refuse('name the folder of cases and answers: --reference FOLDER');
const MAX_WIDTH = 250;
const MAX_FIELDS = 8;
/** With `--json`, only the last line goes to standard output. */
const print = line.values.json ? console.error : console.log;

const cases = await casesIn(folder);
const answers = await answersIn(folder);
const rows = readIntended();
const usedRows = new Set<Intended>();
const totals: Record<string, unknown> = {};
let compared = 0;
let wrong = 0;
for (const database of databases) {
  const source = await startDatabases(database);
  try {
    for (const style of styles) await compare(database, style, await source.open());
  } finally {
    await source.close();
  }
}
const unused = rows.filter((row) => !usedRows.has(row));
for (const { row } of unused) print(`no difference belongs to this row of the table: ${row}`);
console.log(JSON.stringify({ luci: totals }));
process.exitCode = compared > 0 && wrong === 0 ? 0 : 1;

async function compare(
  database: DatabaseName,
  style: Style,
  env: Readonly<Record<string, string>>,
): Promise<void> {
  const server = await startLuciServer(env);
  const ours = new Map<string, Answer>();
  try {
    for await (const answer of drive(server.url, style, cases)) ours.set(answer.id, answer);
  } finally {
    await server.close();
  }
  const asked = answers.filter(({ id }) => ours.has(id));
  const differences = asked.flatMap((theirs) => compareAnswers(theirs, ours.get(theirs.id)));
  report(`${style} on ${database}`, asked, differences);
}

function report(what: string, asked: readonly Answer[], differences: readonly Difference[]): void {
  const others = differences.filter((difference) => {
    const row = rowOf(rows, difference);
    if (row) usedRows.add(row);
    return row === undefined;
  });
  const differing = idsOf(differences);
  const wrongIds = idsOf(others);
  const counts = {
    compared: asked.length,
    equal: asked.length - differing.size,
    intended: differing.size - wrongIds.size,
    different: wrongIds.size,
    ...Object.fromEntries(KINDS.map((kind) => [kind, idsOf(others.filter(isOf(kind))).size])),
  };
  totals[what] = counts;
  compared += asked.length;
  wrong += wrongIds.size;
  print(
    `${what}: ${Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')}`,
  );
  if (line.values.list) for (const kind of KINDS) listAll(kind, others.filter(isOf(kind)));
}

function isOf(kind: string): (difference: Difference) => boolean {
  return (difference) => difference.kind === kind;
}

function idsOf(differences: readonly Difference[]): ReadonlySet<string> {
  return new Set(differences.map(({ id }) => id));
}

function listAll(kind: string, differences: readonly Difference[]): void {
  if (differences.length > 0) print(`\n== ${kind}`);
  for (const [id, ofCase] of Map.groupBy(differences, (each) => each.id)) {
    print(id);
    for (const { ours, theirs } of ofCase.slice(0, MAX_FIELDS)) {
      print(`    LUCI:     ${theirs.slice(0, MAX_WIDTH)}`);
      print(`    postlude: ${ours.slice(0, MAX_WIDTH)}`);
    }
    if (ofCase.length > MAX_FIELDS) print(`    and ${ofCase.length - MAX_FIELDS} more`);
  }
}

async function casesIn(reference: string): Promise<readonly Case[]> {
  const file = join(reference, 'cases.json');
  return await access(file).then(
    () => readCases(file),
    () => generatedCases(join(reference, 'gen_cases.py')),
  );
}

async function generatedCases(generator: string): Promise<readonly Case[]> {
  const work = await mkdtemp(join(tmpdir(), 'postlude-luci-cases-'));
  try {
    const file = join(work, 'cases.json');
    await promisify(execFile)('python3', [generator, file]);
    return await readCases(file);
  } finally {
    await rm(work, { recursive: true });
  }
}

/** `--only` selects what is compared. All cases are sent, since they use what earlier ones have made. */
async function answersIn(reference: string): Promise<readonly Answer[]> {
  const names = (await readdir(reference)).filter((name) => /^answers.*\.jsonl$/.test(name));
  const only = new RegExp(line.values.only);
  const all = await Promise.all(names.map((name) => readAnswers(join(reference, name))));
  return all.flat().filter(({ id }) => only.test(id));
}
