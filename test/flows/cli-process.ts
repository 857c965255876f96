/** One command in a process of its own; it is gone when the test ends. */
import { onTestFinished } from 'vitest';
import { ChildCli } from './child-cli.ts';

export type { Ended } from './child-cli.ts';

export class CliProcess extends ChildCli {
  constructor(folder: string, argv: readonly string[], env: Readonly<Record<string, string>> = {}) {
    super(folder, argv, env);
    onTestFinished(() => this.end());
  }
}
