/** Time, chance, the environment and the terminal are reached through one file each. */
import { type Check, type Offence, SOURCE_ROOTS, type SourceFile } from './check.ts';

interface Rule {
  readonly pattern: RegExp;
  /** Relative to the sources of a package. */
  readonly allowedIn: RegExp;
  readonly say: string;
}

const NOWHERE = /^$/;

const RULES: readonly Rule[] = [
  {
    pattern: /\bDate\.now\(|\bnew Date\(\)|\bset(Timeout|Interval)\(|timers\/promises/,
    // The limits of the driver's statements are of real time, as those of the driver itself were.
    allowedIn: /^(foundations\/clock|storage\/postgres\/connections\/limited-client)\.ts$/,
    say: 'take a Clock (clock.ts)',
  },
  {
    pattern: /\bMath\.random\(/,
    allowedIn: /^foundations\/random\.ts$/,
    say: 'take a Random (random.ts)',
  },
  {
    pattern: /\bprocess\.env\b/,
    allowedIn: /^cli\/process\/run-command\.ts$/,
    say: 'take it from the configuration (server/config/config.ts)',
  },
  {
    pattern: /\benv\.POSTLUDE_/,
    allowedIn: NOWHERE,
    say: 'list it in CLIENT_VARIABLES (server/config/client-variables.ts), or make it a setting',
  },
  {
    pattern: /\bstd(out|err)\.write\(/,
    allowedIn:
      /^cli\/(terminal\/|process\/|main\.ts$|program\.ts$|commands\/server\/completion\.ts$)/,
    say: 'print with Output (cli/terminal/output.ts), which shows control characters as escapes',
  },
  {
    pattern: /\b(TODO|FIXME|XXX)\b(?!\(#\d+\))/,
    allowedIn: NOWHERE,
    say: 'name the issue: TODO(#12)',
  },
];

const HERE = `${SOURCE_ROOTS[0]}/planted.ts`;

export const forbiddenCalls: Check = {
  name: 'time, chance, environment and terminal',
  applies: ({ path, room }) =>
    (room !== undefined || path.startsWith('test/support/')) && !path.endsWith('.test.ts'),
  find,
  planted: {
    refused: [
      [HERE, 'const now = Date.now();'],
      [HERE, 'const n = Math.random();'],
      [HERE, "const home = process.env['HOME'];"],
      [HERE, 'const { server } = { server: env.POSTLUDE_SERVER };'],
      [HERE, 'context.stdout.write(name);'],
      [HERE, '// TODO: later'],
      ['test/support/planted.ts', 'await new Promise((done) => setTimeout(done, 5));'],
    ],
    accepted: [
      [HERE, '// Date.now() is what the system clock reads.'],
      [`${SOURCE_ROOTS[0]}/foundations/clock.ts`, 'const now = Date.now();'],
      [`${SOURCE_ROOTS[0]}/cli/terminal/output.ts`, 'this.#context.stdout.write(text);'],
      ['test/support/planted.ts', "const home = process.env['HOME'];"],
    ],
  },
};

function find({ room, text }: SourceFile): Offence[] {
  let at = 0;
  return text.split('\n').flatMap((line) => {
    const start = at;
    at += line.length + 1;
    if (/^\s*(\*|\/\/|\/\*)/.test(line) && !/TODO|FIXME|XXX/.test(line)) return [];
    return RULES.filter(
      ({ allowedIn, pattern }) => pattern.test(line) && !isAllowed(room, { allowedIn, pattern }),
    ).map(({ say }) => ({ at: start, say: `${line.trim()}: ${say}` }));
  });
}

/** Tests find the databases that they run on in the environment. */
function isAllowed(room: string | undefined, rule: Pick<Rule, 'allowedIn' | 'pattern'>): boolean {
  if (room === undefined) return rule.pattern.test('process.env');
  return rule.allowedIn.test(room);
}
