/** Runs one command in its own process, which is killed when the test ends. */
import { onTestFinished } from 'vitest';
import { ChildCli } from './child-cli.ts';

export type { Ended } from './child-cli.ts';

export class CliProcess extends ChildCli {
  constructor(folder: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    super(folder, argv, env);
    onTestFinished(() => this.end());
  }
}
