/**
 * How long invocations and their expected results are kept, by realm. What applies is decided when
 * an invocation is created, and written into its row: a change of the rules holds for those that
 * come.
 */
import { matchesWildcards } from '@postlude/queue/foundations';

/** How long after its creation an invocation is kept, and how long the expected results in it are. */
export interface Retention {
  readonly invocationMs: number;
  readonly expectedResultsMs: number;
}

export interface RetentionRule extends Partial<Retention> {
  /** `project:realm`, in which each `*` stands for any text: `acme:*`. */
  readonly realm: string;
}

const DAY_MS = 86_400_000;

export const DEFAULT_RETENTION: Retention = {
  invocationMs: 540 * DAY_MS,
  expectedResultsMs: 60 * DAY_MS,
};

export class RetentionRules {
  readonly #general: Retention;
  readonly #rules: readonly RetentionRule[];

  constructor(general: Retention = DEFAULT_RETENTION, rules: readonly RetentionRule[] = []) {
    this.#general = general;
    this.#rules = rules;
  }

  /** The first rule that matches holds. What it does not say is as for all realms. */
  of(realm: string): Retention {
    const rule = this.#rules.find((each) => matchesWildcards(each.realm, realm));
    const {
      invocationMs = this.#general.invocationMs,
      expectedResultsMs = this.#general.expectedResultsMs,
    } = rule ?? {};
    return { invocationMs, expectedResultsMs };
  }
}
