/**
 * Recognizes two reports in different formats that are of one run, by the names of their tests and by
 * which of them failed.
 *
 * Formats differ in how they join and escape names and in whether they name the file, so all of that is
 * left out of the comparison. Reports of different runners are never compared, as names such as `works`
 * are common.
 */
import { hash } from 'node:crypto';
import type { Execution } from '../execution.ts';
import { fingerprint } from './fingerprint.ts';

/** The runners of dialects that have another name than their runner. */
const RUNNERS: Readonly<Record<string, string>> = {
  'go-test': 'go',
  gotestsum: 'go',
  'go-junit-report': 'go',
  'jest-junit': 'jest',
  'mocha-junit-reporter': 'mocha',
};

/** Returns the runner, or `undefined` if the dialect does not show it. */
export function runnerOf(dialect: string): string | undefined {
  return dialect === 'generic' ? undefined : (RUNNERS[dialect] ?? dialect.toLowerCase());
}

export class RunSignature {
  /** Holds true for each test of which any attempt did not fail. */
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

/** Keeps letters and digits only, as each format escapes and joins names in its own way. */
function bareName(suite: readonly string[], name: string): string {
  const names = [...suite, name];
  const [first = ''] = names;
  const isFile = names.length > 1 && /[\\/]|\.[cm]?[jt]sx?$/.test(first);
  const whole = (isFile ? names.slice(1) : names).join(' ');
  return whole.replaceAll(ANSI_COLOUR, '').replaceAll(/[^\p{L}\p{N}]+/gu, '') || whole;
}

/** Colours of a terminal, with or without the escape character, which some formats drop. */
const ANSI_COLOUR = /(&#(27|x1b);)?\[\d*(;\d+)*m/gi;
