/**
 * Tells that two reports in different formats are of one run: by the names of their tests, and
 * which of them failed.
 *
 * Formats differ in how they join and escape names and in whether they name the file, so all of
 * that is left out of the comparison. Reports of different runners are never compared: names such as `works` are many.
 */
import { hash } from 'node:crypto';
import type { Execution } from '../execution.ts';
import { fingerprint } from './fingerprint.ts';

/** Of dialects whose names are not those of their runners. */
const RUNNERS: Readonly<Record<string, string>> = {
  'go-test': 'go',
  gotestsum: 'go',
  'go-junit-report': 'go',
  'jest-junit': 'jest',
  'mocha-junit-reporter': 'mocha',
};

/** `undefined` where the dialect does not tell it. */
export function runnerOf(dialect: string): string | undefined {
  return dialect === 'generic' ? undefined : (RUNNERS[dialect] ?? dialect.toLowerCase());
}

export class RunSignature {
  /** Of each test, whether any attempt did not fail. */
  readonly #tests = new Map<string, boolean>();

  add({ suite, name, isTest, outcome }: Execution): void {
    if (!isTest) return;
    const key = fingerprint(bareName(suite, name));
    const isGood = outcome === 'pass' || outcome === 'skip';
    if (isGood || !this.#tests.has(key)) this.#tests.set(key, isGood);
  }

  /** Equal for reports that hold the same tests; `undefined` without tests. */
  get text(): string | undefined {
    if (this.#tests.size === 0) return undefined;
    const lines = Array.from(this.#tests, ([key, isGood]) => `${key} ${isGood}`).sort();
    return hash('sha256', lines.join('\n'));
  }
}

/** Letters and digits only: formats escape and join each in a way of its own. */
function bareName(suite: readonly string[], name: string): string {
  const names = [...suite, name];
  const [first = ''] = names;
  const isFile = names.length > 1 && /[\\/]|\.[cm]?[jt]sx?$/.test(first);
  const whole = (isFile ? names.slice(1) : names).join(' ');
  return whole.replaceAll(ANSI_COLOUR, '').replaceAll(/[^\p{L}\p{N}]+/gu, '') || whole;
}

/** Of a terminal, with or without the escape that some formats drop. */
const ANSI_COLOUR = /(&#(27|x1b);)?\[\d*(;\d+)*m/gi;
