/**
 * A fake BigQuery in a process of its own, so that its memory and its work are not those of the process that
 * is measured (though they do share the machine).
 *
 *     node bench/conditions/bench-bigquery.ts     prints its addresses; a line on stdin prints the row count
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface, type Interface } from 'node:readline';
import { systemClock } from '@postlude/queue/foundations';
import { FakeBigQuery } from '../../test/support/bigquery/fake-bigquery.ts';

export interface BenchTable {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

export interface Addresses {
  readonly httpUrl: string;
  readonly grpcHost: string;
}

if (import.meta.main) await serve();

async function serve(): Promise<void> {
  const bigQuery = await FakeBigQuery.start({ clock: systemClock });
  const { httpUrl, grpcHost } = bigQuery;
  console.log(JSON.stringify({ httpUrl, grpcHost }));
  for await (const line of createInterface(process.stdin)) {
    const { count, ...table } = JSON.parse(line) as BenchTable & { readonly count: boolean };
    if (count) console.log(bigQuery.landed(table)?.length ?? 0);
    else bigQuery.addDataset(table.project, table.dataset);
  }
  await bigQuery.close();
}

export class BenchBigQuery {
  readonly addresses: Addresses;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: AsyncIterator<string>, addresses: Addresses) {
    this.#child = child;
    this.#lines = lines;
    this.addresses = addresses;
  }

  static async start(table: BenchTable): Promise<BenchBigQuery> {
    const args = ['--max-old-space-size=8192', import.meta.filename];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = readLines(child)[Symbol.asyncIterator]();
    const addresses = JSON.parse((await lines.next()).value ?? '{}') as Addresses;
    const bigQuery = new BenchBigQuery(child, lines, addresses);
    bigQuery.#send({ ...table, count: false });
    return bigQuery;
  }

  async countRows(table: BenchTable): Promise<number> {
    this.#send({ ...table, count: true });
    return Number((await this.#lines.next()).value);
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.stdin?.end();
    await exited;
  }

  #send(message: object): void {
    this.#child.stdin?.write(`${JSON.stringify(message)}\n`);
  }
}

function readLines({ stdout }: ChildProcess): Interface {
  if (stdout === null) throw new Error('the process has no output');
  return createInterface(stdout);
}
