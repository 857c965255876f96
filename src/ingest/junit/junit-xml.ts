/**
 * Reads the JUnit XML family: each test case once, with its attempts, as its dialect defines them.
 *
 * The counts are those of the test cases, not of the headers (see header-claims.ts). A `<testcase>` counts
 * at any place, and elements outside of the family are ignored.
 */
import { Excerpt } from '../excerpt.ts';
import type { Execution, FormatSink, OutputStream } from '../execution.ts';
import { type FormatReader, ReportDamage, type ReportFormat } from '../report.ts';
import { executionsOf } from './case-executions.ts';
import { dialectOf, groupingOf } from './dialects.ts';
import { HeaderClaims, type HeldCase } from './header-claims.ts';
import { marksOf } from './marks.ts';
import type { Attributes, CaseReading, JUnitCase, JUnitSuite, VerdictKind } from './test-case.ts';
import { XmlReader } from './xml-reader.ts';

export const junitXml: ReportFormat = {
  name: 'junit-xml',
  detect: (head) => /^testsuites?$/.test(marksOf(head).root),
  open: (sink, head) => new JUnitReader(sink, head),
  grouping: groupingOf,
};

const VERDICT_KINDS: ReadonlySet<string> = new Set<VerdictKind>([
  'failure',
  'error',
  'skipped',
  'flakyFailure',
  'flakyError',
  'rerunFailure',
  'rerunError',
]);

interface OpenVerdict {
  readonly kind: VerdictKind;
  readonly attributes: Attributes;
  readonly excerpt: Excerpt;
}

/** More than any runner records for one test. */
const MAX_PROPERTIES = 20;

type OutputName = OutputStream['name'];

interface OpenCase extends Omit<JUnitCase, 'output'> {
  readonly verdicts: JUnitCase['verdicts'][number][];
  readonly properties: JUnitCase['properties'][number][];
  readonly outputs: Map<OutputName, Excerpt>;
}

class JUnitReader implements FormatReader {
  readonly dialect: string;
  readonly #sink: FormatSink;
  readonly #xml: XmlReader;
  readonly #read: (testCase: JUnitCase) => CaseReading;
  readonly #claims: HeaderClaims;
  readonly #suites: JUnitSuite[] = [];
  #suiteCount = 0;
  #case: OpenCase | undefined;
  #verdict: OpenVerdict | undefined;
  /** Output inside of a verdict is not part of its text. */
  #outputDepth = 0;
  #outputName: OutputName = 'stdout';

  constructor(sink: FormatSink, head: string) {
    const dialect = dialectOf(marksOf(head));
    this.dialect = dialect.name;
    this.#sink = sink;
    this.#read = dialect.open();
    this.#claims = new HeaderClaims(dialect.headers ?? {}, sink);
    this.#xml = new XmlReader(
      {
        open: (name, attributes, line) => this.#open(name, attributes, line),
        close: (name) => this.#close(name),
        text: (piece) => this.#text(piece),
      },
      sink,
    );
  }

  push(chunk: string): void {
    this.#xml.push(chunk);
  }

  end(): void {
    this.#xml.end();
    this.#claims.end();
  }

  #open(name: string, attributes: Attributes, line: number): void {
    if (isSuiteName(name)) this.#claims.open(name, attributes, line);
    if (name === 'system-out' || name === 'system-err') {
      this.#outputDepth += 1;
      this.#outputName = name === 'system-out' ? 'stdout' : 'stderr';
    } else if (name === 'property') this.#property(attributes);
    else if (name === 'testsuite') this.#openSuite(attributes);
    else if (name === 'testcase') this.#openCase(attributes, line);
    else if (this.#case && !this.#verdict && isVerdictKind(name)) {
      this.#verdict = { kind: name, attributes, excerpt: new Excerpt() };
    }
  }

  #property({ name = '', value = '' }: Attributes): void {
    const properties = this.#case?.properties;
    if (properties && properties.length < MAX_PROPERTIES) properties.push([name, value]);
  }

  #openSuite(attributes: Attributes): void {
    this.#suiteCount += 1;
    const { name = '' } = attributes;
    this.#suites.push({ name, ordinal: this.#suiteCount, attributes });
  }

  #openCase(attributes: Attributes, line: number): void {
    if (this.#case) throw new ReportDamage(line, 'a test case inside of a test case');
    const { name = '', classname = '' } = attributes;
    const found = { verdicts: [], properties: [], outputs: new Map() };
    this.#case = { name, classname, attributes, suites: this.#suites, ...found, line };
  }

  #close(name: string): void {
    if (isSuiteName(name)) this.#claims.close();
    if (name === 'system-out' || name === 'system-err') this.#outputDepth -= 1;
    else if (name === 'testsuite') this.#suites.pop();
    else if (name === 'testcase') this.#closeCase();
    else if (name === this.#verdict?.kind) this.#closeVerdict(this.#verdict);
  }

  #closeCase(): void {
    const open = this.#case;
    this.#case = undefined;
    if (!open) return;
    const output = Array.from(open.outputs, ([name, { text }]) => ({ name, text }));
    const testCase = { ...open, output: output.filter(({ text }) => text !== '') };
    const executions = executionsOf(testCase, this.#read(testCase));
    for (const execution of executions) this.#sink.execution(execution);
    this.#claims.hold(heldIn(testCase, executions));
  }

  #closeVerdict({ kind, attributes, excerpt }: OpenVerdict): void {
    this.#verdict = undefined;
    this.#case?.verdicts.push({ kind, attributes, text: excerpt.text });
  }

  #text(piece: string): void {
    if (this.#outputDepth === 0) this.#verdict?.excerpt.add(piece);
    else if (this.#case && !this.#verdict) this.#output(this.#case, piece);
  }

  #output({ outputs }: OpenCase, piece: string): void {
    const excerpt = outputs.get(this.#outputName) ?? new Excerpt();
    excerpt.add(piece);
    outputs.set(this.#outputName, excerpt);
  }
}

function isSuiteName(name: string): boolean {
  return name === 'testsuite' || name === 'testsuites';
}

/** Some producers write a failure as an element, and some as an attribute. */
function heldIn({ verdicts }: JUnitCase, executions: readonly Execution[]): HeldCase {
  const told = verdicts.filter(({ kind }) => kind !== 'skipped').length;
  const read = executions.filter(({ outcome }) => outcome !== 'pass' && outcome !== 'skip').length;
  const isSkipped = executions.some(({ outcome }) => outcome === 'skip');
  return { failures: Math.max(told, read), isSkipped };
}

function isVerdictKind(name: string): name is VerdictKind {
  return VERDICT_KINDS.has(name);
}
