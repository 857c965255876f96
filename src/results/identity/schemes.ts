/**
 * Schemes say which levels the ids of a module's tests have, and what the names in them look like. They are
 * checked when a result is recorded, and not later: a scheme may change, and its results stay.
 */
import { CodedError } from '@postlude/queue/foundations';
import { RE2JS } from 're2js';
import { LEGACY, type StructuredId } from './structured-id.ts';

export interface SchemeLevel {
  readonly humanReadableName: string;
  /** An RE2 pattern that a name has to match; `undefined` if any name will do. */
  readonly validationRegexp?: string | undefined;
}

export interface Scheme {
  readonly id: string;
  readonly humanReadableName: string;
  /** `undefined` if ids have no coarse name. */
  readonly coarse?: SchemeLevel | undefined;
  /** `undefined` if ids have no fine name. A scheme with a coarse level has a fine one. */
  readonly fine?: SchemeLevel | undefined;
  readonly case: SchemeLevel;
}

/** The schemes that ResultDB's clients expect of every server. */
export const USUAL_SCHEMES: readonly Scheme[] = [
  { id: 'flat', humanReadableName: 'Flat', case: { humanReadableName: 'Test case' } },
  {
    id: 'gtest',
    humanReadableName: 'GTest',
    fine: { humanReadableName: 'Suite', validationRegexp: '^[^_]+$' },
    case: { humanReadableName: 'Method' },
  },
  {
    id: 'junit',
    humanReadableName: 'JUnit',
    coarse: { humanReadableName: 'Package' },
    fine: { humanReadableName: 'Class' },
    case: { humanReadableName: 'Method' },
  },
];

const LEGACY_SCHEME: Scheme = {
  id: LEGACY,
  humanReadableName: 'Legacy test results',
  case: { humanReadableName: 'Test Identifier' },
};

export class Schemes {
  readonly #schemes: ReadonlyMap<string, Scheme>;
  readonly #patterns = new Map<SchemeLevel, RE2JS>();

  /** `legacy` exists in any case. Throws for a pattern that is not valid. */
  constructor(schemes: readonly Scheme[] = USUAL_SCHEMES) {
    this.#schemes = new Map([...schemes, LEGACY_SCHEME].map((scheme) => [scheme.id, scheme]));
    for (const { case: lowest, coarse, fine } of this.#schemes.values()) {
      for (const level of [coarse, fine, lowest]) {
        if (level?.validationRegexp === undefined) continue;
        this.#patterns.set(level, RE2JS.compile(level.validationRegexp));
      }
    }
  }

  list(): readonly Scheme[] {
    return [...this.#schemes.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  find(id: string): Scheme | undefined {
    return this.#schemes.get(id);
  }

  /** Throws `invalid-argument` with ResultDB's text if there is no such scheme. */
  require(id: string): Scheme {
    const scheme = this.#schemes.get(id);
    if (scheme !== undefined) return scheme;
    throw invalid(
      `module_scheme: scheme ${JSON.stringify(id)} is not a known scheme by the ResultDB deployment; see go/resultdb-schemes for instructions how to define a new scheme`,
    );
  }

  /** Checks the names in an id. Throws `invalid-argument` with ResultDB's texts. */
  check(id: StructuredId): void {
    const scheme = this.require(id.moduleScheme);
    this.#checkLevel('coarse_name', id.coarseName, { scheme, level: scheme.coarse });
    this.#checkLevel('fine_name', id.fineName, { scheme, level: scheme.fine });
    this.#checkLevel('case_name', id.caseName, { scheme, level: scheme.case });
  }

  #checkLevel(
    field: string,
    name: string,
    { level, scheme }: { readonly scheme: Scheme; readonly level: SchemeLevel | undefined },
  ): void {
    const inScheme = `(scheme ${JSON.stringify(scheme.id)})`;
    if (level === undefined) {
      if (name === '') return;
      throw invalid(
        `${field}: expected empty value (level is not defined by scheme ${JSON.stringify(scheme.id)})`,
      );
    }
    if (name === '') {
      throw invalid(`${field}: required, please set a ${level.humanReadableName} ${inScheme}`);
    }
    const pattern = this.#patterns.get(level);
    if (pattern === undefined || pattern.matcher(name).find()) return;
    throw invalid(
      `${field}: does not match validation regexp ${JSON.stringify(pattern.pattern())}, please set a valid ${level.humanReadableName} ${inScheme}`,
    );
  }
}

function invalid(message: string): CodedError {
  return new CodedError('invalid-argument', message);
}
