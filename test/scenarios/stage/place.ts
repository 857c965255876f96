/**
 * The place of a scenario: a workspace, a server, and the command line as processes. It waits for
 * what processes print and for states of the server, never for time.
 */
import assert from 'node:assert/strict';
import { access, mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { DuckDBInstance } from '@duckdb/node-api';
import { ChildCli, type Ended } from '../../flows/child-cli.ts';
import type { Serving } from './serving.ts';

/** The outcome of a run, which `query` and the exported file must both show. */
export interface Totals {
  readonly results: number;
  readonly unexpected: number;
  readonly byStatus: Readonly<Record<string, number>>;
}

interface Status {
  readonly state: string;
  readonly attempt: number;
  readonly lastAttempt: number;
  readonly endCause?: string;
  readonly includes: readonly string[];
  readonly tags: readonly { readonly key: string; readonly value: string }[];
  readonly properties?: { readonly command?: Readonly<Record<string, unknown>> };
}

export class Place {
  /** The id of the run; shards are `${run}-shard-1`, … */
  readonly run: string;
  readonly folder: string;
  readonly server: Serving;
  readonly #started: ChildCli[] = [];
  readonly #groups: number[] = [];

  constructor(run: string, folder: string, server: Serving) {
    this.run = run;
    this.folder = folder;
    this.server = server;
  }

  shard(number: number): string {
    return `${this.run}-shard-${number}`;
  }

  start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): ChildCli {
    const { token, url } = this.server;
    const identity = token === undefined ? {} : { POSTLUDE_ID_TOKEN: token };
    const child = new ChildCli(this.folder, argv, { POSTLUDE_SERVER: url, ...identity, ...env });
    this.#started.push(child);
    return child;
  }

  async cli(...argv: string[]): Promise<Ended> {
    return await this.start(argv).ended;
  }

  /** Runs `cli`. A command that does not exit with 0 fails the scenario with its output. */
  async done(...argv: string[]): Promise<Ended> {
    const ended = await this.cli(...argv);
    assert.equal(ended.code, 0, `postlude ${argv.join(' ')}: ${ended.err}`);
    return ended;
  }

  /** Runs `record` of a shell command with the reports `r*.xml` of its folder. */
  record(id: string, script: string, more: readonly string[] = []): ChildCli {
    const reports = more.includes('--reports') ? [] : ['--reports', 'r.xml'];
    return this.start(['record', '--id', id, ...reports, ...more, '--', 'sh', '-c', script]);
  }

  async recorded(id: string, script: string, more: readonly string[] = []): Promise<Ended> {
    return await this.record(id, script, more).ended;
  }

  /** The command of `record` prints its process id. Its group is killed at the end of the scenario. */
  async commandOf(record: ChildCli): Promise<number> {
    const pid = Number(await record.printed(/ready (\d+)/));
    this.endGroup(pid);
    return pid;
  }

  /** The process group is killed at the end of the scenario. */
  endGroup(pid: number): void {
    this.#groups.push(pid);
  }

  async write(path: string, text: string): Promise<void> {
    const file = join(this.folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text);
  }

  async has(path: string): Promise<boolean> {
    return await access(join(this.folder, path)).then(
      () => true,
      () => false,
    );
  }

  async status(id: string): Promise<Status> {
    return JSON.parse((await this.done('status', id, '--json')).out);
  }

  /** Resolves once the invocation is FINALIZED. */
  async over(id: string): Promise<Status> {
    const status: Status = JSON.parse((await this.done('status', id, '--watch', '--json')).out);
    assert.equal(status.state, 'FINALIZED');
    return status;
  }

  async why(id: string): Promise<string> {
    return (await this.done('why', id)).out;
  }

  /** Waits until the run is over, and asserts that its exported file says the same. */
  async totals(id: string): Promise<Totals> {
    await this.over(id);
    const [queried, exported] = await Promise.all([this.#queried(id), this.#exported(id)]);
    assert.deepEqual(exported, queried, 'the export differs from the query');
    return queried;
  }

  async expect(id: string, totals: Totals): Promise<void> {
    assert.deepEqual(await this.totals(id), totals);
  }

  /** Returns the tests with unexpected results, sorted. */
  async unexpected(id: string): Promise<string[]> {
    const lines = (await this.done('query', id, '--unexpected', '--json')).out.trim().split('\n');
    const results = lines.map((line) => JSON.parse(line)).filter(({ expected }) => !expected);
    return results.flatMap(({ testId }) => testId ?? []).sort();
  }

  async close(): Promise<void> {
    for (const group of this.#groups) killGroup(group);
    for (const child of this.#started) await child.end();
  }

  async #queried(id: string): Promise<Totals> {
    const lines = (await this.done('query', id, '--json')).out.trim().split('\n');
    return JSON.parse(lines.at(-1) ?? '').totals;
  }

  async #exported(id: string): Promise<Totals> {
    const to = ['--to', 'ci.scenarios.results', '--wait', '--json'];
    const { exports } = JSON.parse((await this.done('export', id, ...to)).out);
    const [{ location, rows, state }] = exports;
    assert.equal(state, 'DONE');
    const totals = await readParquet(location);
    assert.equal(totals.results, rows);
    return totals;
  }
}

async function readParquet(file: string): Promise<Totals> {
  const connection = await (await DuckDBInstance.create(':memory:')).connect();
  try {
    const read = await connection.runAndReadAll(
      `SELECT status, count(*)::INTEGER AS results, count_if(NOT expected)::INTEGER AS unexpected
       FROM read_parquet($file) GROUP BY status`,
      { file },
    );
    const rows = read.getRowObjects() as { status: string; results: number; unexpected: number }[];
    return {
      results: rows.reduce((sum, row) => sum + row.results, 0),
      unexpected: rows.reduce((sum, row) => sum + row.unexpected, 0),
      byStatus: Object.fromEntries(rows.map(({ results, status }) => [status, results])),
    };
  } finally {
    connection.closeSync();
  }
}

/** Ends a command whose `record` was killed, as nothing else ends it. */
function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has already ended.
  }
}
