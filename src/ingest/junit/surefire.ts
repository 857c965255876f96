/**
 * Maven Surefire and Failsafe.
 *
 * They write one file for each class, and the files of one folder are one run: reruns of the tests of nested
 * classes may be in the file of another class. A failure of a whole class is a test case without a name,
 * which Surefire counts as a test.
 */
import { byRounds } from '../attempts/grouping.ts';
import type { ExecutionFacts, Grouping, Placement } from '../report.ts';
import type { JUnitDialect } from './dialect.ts';
import { readPlainly } from './test-case.ts';

/** All attempts of one test in one file. */
interface Chain {
  readonly file: number;
  /** The number of the test among the tests of that name in its file. */
  readonly namesake: number;
  /** Positions among the executions, in the order of the run. */
  readonly members: number[];
}

const acrossFiles: Grouping = { spansFiles: true, place };

export const surefire: JUnitDialect = {
  name: 'surefire',
  recognizes: ({ root, rootAttributes, properties }) =>
    root === 'testsuite' &&
    (/surefire|failsafe/.test(rootAttributes['xsi:noNamespaceSchemaLocation'] ?? '') ||
      properties.some((name) => name.startsWith('surefire.')) ||
      (properties.includes('java.class.path') && properties.includes('basedir'))),
  open: () => readPlainly,
  grouping: acrossFiles,
};

function place(executions: readonly ExecutionFacts[]): readonly Placement[] {
  const chains = chainsOf(executions);
  const placements: Placement[] = [];
  let test = 0;
  for (const namesakes of Map.groupBy(chains, ({ namesake }) => namesake).values()) {
    for (const chain of joined(namesakes, executions)) {
      chain.forEach((position, index) => {
        const outcome = executions[position]?.outcome ?? 'pass';
        placements[position] = { test, attempt: index + 1, outcome };
      });
      test += 1;
    }
  }
  return placements;
}

function chainsOf(executions: readonly ExecutionFacts[]): Chain[] {
  const chains = new Map<string, Chain>();
  const inFiles = Map.groupBy(executions.keys(), (position) => executions[position]?.file ?? 0);
  for (const [file, positions] of inFiles) {
    const facts = positions.flatMap((position) => executions[position] ?? []);
    byRounds.place(facts).forEach(({ test }, index) => {
      const key = `${file}/${test}`;
      const chain = chains.get(key) ?? { file, namesake: test, members: [] };
      chains.set(key, chain);
      chain.members.push(positions[index] ?? 0);
    });
  }
  return [...chains.values()];
}

/**
 * A test that failed in one file and is also in another was rerun there; a test that passed was not. The
 * file with the reruns is the later one, whatever its name.
 */
function joined(chains: readonly Chain[], executions: readonly ExecutionFacts[]): number[][] {
  const hasFailed = ({ members }: Chain) => {
    const last = executions[members.at(-1) ?? 0]?.outcome;
    return last === 'fail' || last === 'crash';
  };
  const failed = chains.filter(hasFailed).sort((a, b) => a.members.length - b.members.length);
  const [last, ...others] = chains.filter((chain) => !hasFailed(chain));
  const first = [...failed, ...(last ? [last] : [])].flatMap(({ members }) => members);
  return [first, ...others.map(({ members }) => members)];
}
