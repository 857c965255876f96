/** Reports, folders and names that are meant for the commands of users, and what these print. */
import { execFileSync } from 'node:child_process';
import { symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandAttack } from './attack.ts';
import type { CommandOutput, CommandRun } from './command-run.ts';

const BLANKS = 200_000;
const ATTRIBUTES = 1_000_000;
/** Sets a title, clears the screen, turns the direction of text, and rings. */
const EVIL = '\u001b]0;owned\u0007\u001b[2J\u202etxt\u009b31m\u0000';
/** All that a terminal could obey, except line breaks and tabs. */
const OBEYED = /[^\P{Cc}\n\t]|[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;

export const COMMANDS: readonly CommandAttack[] = [
  {
    kind: 'command',
    name: 'terminals',
    says: 'control characters and bidirectional overrides in names, ids, messages and paths, out through each command',
    run: attackTerminals,
  },
  {
    kind: 'command',
    name: 'tap-blanks',
    says: 'a line of TAP with 200,000 blanks',
    run: async (commands) => {
      write(commands, 'a.tap', `1..1\nok 1${' '.repeat(BLANKS)}\r\n`);
      return endsWith(await commands.run(['inspect', 'a.tap']), [0, 2]);
    },
  },
  {
    kind: 'command',
    name: 'xml-attributes',
    says: 'an element of XML with a million attributes',
    run: async (commands) => {
      const attributes = Array.from({ length: ATTRIBUTES }, (_, index) => ` a${index}=""`);
      write(commands, 'a.xml', `<testsuite${attributes.join('')}/>`);
      return endsWith(await commands.run(['inspect', 'a.xml']), [2]);
    },
  },
  {
    kind: 'command',
    name: 'links-and-pipes',
    says: 'patterns for reports that meet a link to the root, a loop of links and a pipe',
    run: async (commands) => {
      const { folder } = commands;
      symlinkSync('/', join(folder, 'root'));
      symlinkSync('.', join(folder, 'loop'));
      execFileSync('mkfifo', [join(folder, 'pipe.xml')]);
      await commands.serverUrl();
      const argv = ['record', '--id', 'u-links', '--reports', '**/*.xml', '--', 'true'];
      const recorded = await commands.run(argv);
      const inspected = await commands.run(['inspect', 'pipe.xml']);
      return [...endsWith(recorded, [0, 1, 2]), ...endsWith(inspected, [1, 2])];
    },
  },
  {
    kind: 'command',
    name: 'collisions',
    says: 'a variant whose value has a line break, and which would have the hash of another one',
    run: async (commands) => {
      await commands.serverUrl();
      await commands.run(['create', 'u-variants']);
      write(commands, 'a.tap', '1..1\nok 1 - a\n');
      const argv = ['upload', 'a.tap', '--invocation', 'u-variants', '--variant', 'a:1\nb:2'];
      return refused(await commands.run(argv));
    },
  },
  {
    kind: 'command',
    name: 'many-exports',
    says: 'an invocation with 2,000 exports',
    run: async (commands) => {
      await commands.serverUrl();
      const exports = Array.from({ length: 2000 }, (_, index) => ['--export', `p.d.t${index}`]);
      return refused(await commands.run(['create', 'u-exports', ...exports.flat()]));
    },
  },
];

async function attackTerminals(commands: CommandRun): Promise<string[]> {
  const problems: string[] = [];
  const goTest = { Package: `p${EVIL}`, Test: `T${EVIL}` };
  const events = [
    { Action: 'run', ...goTest },
    { Action: 'output', ...goTest, Output: `    ${EVIL}\n` },
    { Action: 'fail', ...goTest, Elapsed: 0 },
    { Action: 'fail', Package: goTest.Package, Elapsed: 0 },
  ];
  write(commands, 'go.json', events.map((event) => `${JSON.stringify(event)}\n`).join(''));
  write(commands, `${EVIL.replaceAll('\u0000', '')}.tap`, `1..2\nnot ok 1 - ${EVIL}\n`);
  await commands.serverUrl();
  const record = ['record', '--id', 'u-evil', '--accept-unchanged', '--reports', '*.json', '*.tap'];
  const tag = ['--tag', 'a:\u001b[2J'];
  const lines = [
    ['inspect', 'go.json'],
    [...record, ...tag, '--', 'true'],
    [...record, '--', 'true'],
    ...['query', 'show', 'status', 'why'].map((name) => [name, 'u-evil']),
    ['tasks', 'list'],
    ['query', 'u-\u001b[2J'],
    ['inspect', `missing${EVIL.replaceAll('\u0000', '')}`],
    ['status', 'u-evil', '--server', 'http://\u001b[2J'],
  ];
  for (const line of lines) {
    const { code, text } = await commands.run(line);
    if (code === null) problems.push(`${line[0]}: no end`);
    const obeyed = OBEYED.exec(text);
    if (obeyed) problems.push(`${line[0]}: printed ${JSON.stringify(obeyed[0])}`);
  }
  return problems;
}

function write(commands: CommandRun, name: string, text: string): void {
  writeFileSync(join(commands.folder, name), text);
}

function endsWith({ code, text }: CommandOutput, codes: readonly number[]): string[] {
  if (code !== null && codes.includes(code)) return [];
  return [`exit code ${code ?? 'none'}: ${text.slice(0, 200)}`];
}

function refused({ code, text }: CommandOutput): string[] {
  return code === null || code === 0 ? [`not refused: ${text.slice(0, 200)}`] : [];
}
