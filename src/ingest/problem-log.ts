/** Collects the problems of one file, but never more than a user would read. */
import type { Problem, Severity } from './report.ts';

const MAX_OF_EACH_SEVERITY = 50;

export class ProblemLog {
  readonly #file: string;
  readonly #problems: Problem[] = [];
  readonly #leftOut: Record<Severity, number> = { error: 0, warning: 0 };

  constructor(file: string) {
    this.#file = file;
  }

  error(line: number, message: string): void {
    this.#add('error', line, message);
  }

  warning(line: number, message: string): void {
    this.#add('warning', line, message);
  }

  get all(): readonly Problem[] {
    return [...this.#problems, ...this.#rest('error'), ...this.#rest('warning')];
  }

  #add(severity: Severity, line: number, message: string): void {
    const known = this.#problems.filter((problem) => problem.severity === severity);
    if (known.length >= MAX_OF_EACH_SEVERITY) this.#leftOut[severity] += 1;
    else this.#problems.push({ file: this.#file, line, message, severity });
  }

  #rest(severity: Severity): readonly Problem[] {
    const count = this.#leftOut[severity];
    if (count === 0) return [];
    const line = this.#problems.findLast((problem) => problem.severity === severity)?.line ?? 1;
    return [{ file: this.#file, line, message: `${count} more ${severity}s follow`, severity }];
  }
}
