import { existsSync, globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Command, CommanderError } from 'commander';
import { describe, expect, test } from 'vitest';
import { benchFiles } from '../../bench/conditions/bench-files.ts';
import { type Page, readPages } from '../../scripts/docs/markdown.ts';
import { loadAllCommands } from '../../src/cli/command-loaders.ts';
import { buildProgram } from '../../src/cli/program.ts';
import { openCliContext } from '../support/cli/cli-world.ts';
import { commandLinesOf, commandsIn, variantsOf } from './commands.ts';

const ROOT = join(import.meta.dirname, '../..');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  scripts: Record<string, string>;
};
const makers = await loadAllCommands();

/** Returns the objections of the program's own parser to a command line, without running it. */
function problemOf(args: readonly string[]): string | undefined {
  const program = buildProgram(openCliContext(), makers, () => undefined);
  if (isPath(program, args)) return undefined;
  for (const command of allOf(program)) if (command.commands.length === 0) command.action(() => {});
  try {
    program.parse([...args], { from: 'user' });
    return undefined;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? undefined : error.message;
  }
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(allOf)];
}

/** Returns whether the words only name a command: `tasks redrive`. */
function isPath(program: Command, words: readonly string[]): boolean {
  let at: Command | undefined = program;
  for (const word of words) at = at?.commands.find((command) => command.name() === word);
  return at !== undefined;
}

function problemsWithPostlude(pages: readonly Page[]): string[] {
  return pages.flatMap((page) =>
    commandLinesOf(page, 'postlude').flatMap(({ place, words }) => {
      const args = words.slice(1).map((word) => (word === 'command' ? 'serve' : word));
      const problem = problemOf(args);
      return problem === undefined ? [] : [`${place}: ${words.join(' ')}: ${problem}`];
    }),
  );
}

function problemsWithNpm(pages: readonly Page[]): string[] {
  return pages.flatMap((page) =>
    commandLinesOf(page, 'npm').flatMap(({ place, words }) => {
      const problem = problemOfNpm(words.slice(1));
      return problem === undefined ? [] : [`${place}: ${words.join(' ')}: ${problem}`];
    }),
  );
}

/** Checks `npm run NAME -- …` and `npm test`; other commands are npm's own. */
function problemOfNpm([verb, name = '', ...rest]: readonly string[]): string | undefined {
  if (verb !== 'run') return undefined;
  const script = scripts[name];
  if (script === undefined) return `package.json has no script ${name}`;
  const args = rest[0] === '--' ? rest.slice(1) : rest;
  const files = [/\S+\.ts/.exec(script)?.[0]].flatMap((file) => file ?? []);
  if (name === 'bench' && args[0] !== undefined && args[0] !== 'name') {
    const bench = benchFiles().get(args[0]);
    if (bench === undefined) return `there is no bench ${args[0]}`;
    files.push(bench, 'bench/conditions/bench-server.ts', 'bench/contenders/open-contenders.ts');
  }
  const missing = files.find((file) => !existsSync(resolve(ROOT, file)));
  if (missing !== undefined) return `there is no ${missing}`;
  const source = files.map((file) => readFileSync(resolve(ROOT, file), 'utf8')).join('\n');
  const flags = args.filter((arg) => arg.startsWith('--')).map((flag) => flag.slice(2));
  const unknown = flags.find((flag) => !new RegExp(`\\b${flag}'?: \\{`).test(source));
  return unknown === undefined ? undefined : `there is no option --${unknown}`;
}

/** Returns each workflow as a page with one block. */
function readWorkflows(): Page[] {
  const paths = globSync('.github/workflows/*.yml', { cwd: ROOT }).sort();
  return paths.map((path) => {
    const text = readFileSync(join(ROOT, path), 'utf8');
    return { path, text: `\`\`\`yaml\n${text}\`\`\`\n` };
  });
}

describe('the documents', () => {
  test("show command lines that postlude's parser accepts", () => {
    const lines = readPages().flatMap((page) => commandLinesOf(page, 'postlude'));
    expect(lines.length).toBeGreaterThan(80);
    expect(problemsWithPostlude(readPages())).toEqual([]);
  });

  test('show scripts of package.json, with their options', () => {
    const lines = readPages().flatMap((page) => commandLinesOf(page, 'npm'));
    expect(lines.length).toBeGreaterThan(40);
    expect(problemsWithNpm(readPages())).toEqual([]);
  });
});

describe('the workflows', () => {
  const workflows = readWorkflows();

  test('run scripts of package.json, with their options', () => {
    expect(workflows.flatMap((page) => commandLinesOf(page, 'npm')).length).toBeGreaterThan(15);
    expect(problemsWithNpm(workflows)).toEqual([]);
  });

  test('run .ci/run for each change', () => {
    const ci = workflows.find(({ path }) => path.endsWith('/ci.yml'));
    expect(ci && commandLinesOf(ci, 'bash').map(({ words }) => words)).toEqual([
      ['bash', '.ci/run'],
    ]);
  });

  test('run every bench and every long suite at night', () => {
    const nightly = workflows.filter(({ path }) => path.endsWith('/nightly.yml'));
    const lines = nightly
      .flatMap((page) => commandLinesOf(page, 'npm'))
      .map(({ words }) => words.join(' '));
    const benches = [...benchFiles().keys()].map((name) => `bench -- ${name}`);
    const suites = ['test:exhaustive', 'test:corpora', 'chaos', 'scenarios'];
    const faults = ['tasks', 'crashes', 'silence', 'tq'].map((name) => `faults -- ${name}`);
    const missing = [...benches, ...suites, ...faults].filter(
      (name) => !lines.some((line) => `${line} `.startsWith(`npm run ${name} `)),
    );
    expect(missing).toEqual([]);
  });
});

describe('the check of them', () => {
  const PLANTED: readonly (readonly [place: string, text: string])[] = [
    ['in a line', 'Look at `postlude tasks list --state dead`.\n'],
    ['in a synopsis', 'Look at `postlude tasks list [due|ded]`.\n'],
    ['in a shell', '```sh\nRUN=1 postlude create "$RUN" --finalise # over\n```\n'],
    ['behind another command', '```sh\ntrue && npx postlude recrod -- npm test\n```\n'],
    ['that npx fetches', '```sh\nnpx -y -p pg @postlude/postlude@1 recrod -- npm test\n```\n'],
    ['in the last line of a job', '```sh\nexec postlude gate --alow-empty "$RUN"\n```\n'],
    ['in a pipeline', '```yaml\nrun:\n  - >\n    postlude create "$RUN"\n    --inlcude x\n```\n'],
    ['in a Jenkinsfile', "```groovy\nsh '''postlude create x \\\n  --exprt a.b.c'''\n```\n"],
    ['at a prompt', '```\n$ postlude wy build-8800\n```\n'],
  ];

  test.each(PLANTED)('finds a planted fault %s', (_, text) => {
    expect(problemsWithPostlude([{ path: 'planted.md', text }])).toHaveLength(1);
  });

  test.each(['npm run chaoss', 'npm run bench -- finalise-graphs', 'npm run chaos -- tq --sed 1'])(
    'finds that there is no such script: %s',
    (command) => {
      const page = { path: 'planted.md', text: `Run \`${command}\`.\n` };
      expect(problemsWithNpm([page])).toHaveLength(1);
    },
  );

  test('also finds a planted fault in a workflow', () => {
    const text =
      '```yaml\njobs:\n  a:\n    steps:\n      - run: npm run chaos -- tq --sed 1\n```\n';
    expect(problemsWithNpm([{ path: 'planted.yml', text }])).toHaveLength(1);
  });

  test('reads shell lines as a shell does', () => {
    expect(commandsIn('A=1 b "c d" $(e f) | g > h # i\nsource <(j k)')).toEqual(
      expect.arrayContaining([['b', 'c d'], ['e', 'f'], ['j', 'k'], ['g']]),
    );
  });

  test('reads the command lines that a synopsis describes', () => {
    expect(variantsOf('a b|c [options] FILE… [d]')).toEqual([
      ['a', 'b', 'file'],
      ['a', 'c', 'file'],
      ['a', 'b', 'file', 'd'],
      ['a', 'c', 'file', 'd'],
    ]);
  });
});
