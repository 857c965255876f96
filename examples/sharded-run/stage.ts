/** Shared by both runs of the demo: the server's address, the processes, and the printed steps. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { isRunning, killMachine, printed, type Started, startPostlude } from './processes.ts';
import type { Shard } from './shards.ts';
import { addTotals, describeTotals, requireSame, runnersOwnTotals, type Totals } from './totals.ts';
import { Warehouse } from './warehouse.ts';

export const EXPORT = 'ci.demo.results';

export class Stage {
  /** The folder for reports, exports and the embedded database. */
  readonly folder: string;
  readonly #started: Started[] = [];
  #serverUrl: string | undefined;
  #steps = 0;

  constructor(folder: string) {
    this.folder = folder;
  }

  get exports(): string {
    return join(this.folder, 'exports');
  }

  step(text: string): void {
    this.#steps += 1;
    console.log(`\n${this.#steps}. ${text}`);
  }

  say(text: string): void {
    console.log(text.replaceAll(/^/gm, '     '));
  }

  async serve(database: string): Promise<Started> {
    const where = ['--listen', '127.0.0.1:0', '--database', database, '--export-dir', this.exports];
    const server = this.start(['serve', ...where, '--enforce-every', '1s']);
    const [url] = await printed(server, /http:\/\/127\.0\.0\.1:\d+/);
    this.#serverUrl = url;
    this.say(`postlude serve   → ${url}`);
    return server;
  }

  start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
    const url = this.#serverUrl;
    const started = startPostlude(args, { ...env, ...(url && { POSTLUDE_SERVER: url }) });
    this.#started.push(started);
    return started;
  }

  /** Runs one command, prints its output, and returns it. Throws unless the command exits with `expected`. */
  async run(args: readonly string[], expected = 0): Promise<string> {
    const output = await this.#ask(args, expected);
    this.say(output);
    return output;
  }

  record({ command, env, id, options = [], report }: Shard): Started {
    // A busy machine must not send results to the spool, as the demo reads them at once.
    const always = ['--if-unreachable', 'fail', '--id', id, '--reports', report];
    const args = ['record', ...always, ...options, '--', ...command];
    return this.start(args, env);
  }

  /** Returns the runner's own totals. A failing test makes the runner exit with 1, as in CI. */
  async recordToEnd(shard: Shard): Promise<Totals> {
    const recorded = this.record(shard);
    const code = await recorded.ended;
    if (code > 1) throw new Error(`${shard.id} ended with ${code}:\n${recorded.output()}`);
    return this.totalsOf(shard, recorded);
  }

  totalsOf({ id, runner }: Shard, recorded: Started): Totals {
    const totals = runnersOwnTotals(runner, recorded.output());
    const [, attempt] = /^recording \S+\.attempt-(\d+)/m.exec(recorded.output()) ?? [];
    this.say(
      `${id}${attempt ? `, attempt ${attempt}` : ''}: ${runner} says ${describeTotals(totals)}`,
    );
    return totals;
  }

  async openWarehouse(run: string): Promise<Warehouse> {
    const answer = await this.#ask(['export', run, '--wait', '--json'], 0);
    const { exports } = JSON.parse(answer) as { exports: readonly { location: string }[] };
    const [first] = exports;
    if (first === undefined || exports.length !== 1) throw new Error(`not one export: ${answer}`);
    return await Warehouse.open(first.location);
  }

  async compare(theirs: readonly Totals[], warehouse: Warehouse): Promise<void> {
    const [said, stored] = [addTotals(theirs), await warehouse.totals()];
    this.step('The runners’ own totals, and the warehouse’s:');
    this.say(`runners    ${describeTotals(said)}`);
    this.say(`warehouse  ${describeTotals(stored)}`);
    requireSame(said, stored);
  }

  /** Returns the totals of all runs. */
  files(): string[] {
    const names = readdirSync(this.exports, { recursive: true, encoding: 'utf8' });
    return names
      .filter((name) => name.endsWith('.parquet'))
      .map((name) => join(this.exports, name));
  }

  killAll(): void {
    this.#started.filter(isRunning).forEach(killMachine);
  }

  async #ask(args: readonly string[], expected: number): Promise<string> {
    const started = this.start(args);
    const code = await started.ended;
    const output = started.output().trim();
    if (code === expected) return output;
    throw new Error(`postlude ${args.join(' ')} ended with ${code}, not ${expected}:\n${output}`);
  }
}
