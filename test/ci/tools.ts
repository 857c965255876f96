/**
 * The programs that a job finds on its PATH. `npm ci` does nothing, or fails if the plan says so. `npm
 * install --global @postlude/postlude` installs the real command line, which is missing before. `npx
 * vitest run` plays a test runner: it writes the JUnit report of its shard as the plan says, and passes,
 * fails or runs until it is signalled. `buildkite-agent` has the token and the artifacts of its job. All of
 * them refuse what they do not know.
 */
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLI_ARGS } from '../flows/child-cli.ts';
import { junit } from '../scenarios/stage/reports.ts';

/** How the tests of a shard behave. */
export type Behaviour = 'pass' | 'fail' | 'hang';

export const TESTS_OF_SHARD = 3;

const NPM = `
case "$*" in
  ci)
    if grep -qxF "$CI_JOB_UNDER_TEST" "$PLAN/install-fails" 2>/dev/null; then
      echo 'npm error' >&2
      exit 1
    fi ;;
  'install --global @postlude/postlude' | 'install --global @postlude/postlude@latest')
    cp "$BIN/../postlude" "$BIN/postlude" ;;
  *)
    echo "npm: not known here: $*" >&2
    exit 64 ;;
esac`;

const NPX = `
[ "$1 $2" = 'vitest run' ] || { echo "npx: not known here: $*" >&2; exit 64; }
shift 2
for word in "$@"; do
  case "$word" in
    --shard=?*/4) shard=\${word#--shard=}; shard=\${shard%/4} ;;
    --outputFile=?*) file=\${word#--outputFile=} ;;
    --reporter=junit) ;;
    *) echo "npx: not known here: $word" >&2; exit 64 ;;
  esac
done
case "$(cat "$PLAN/shard-$shard" 2>/dev/null || echo pass)" in
  pass) cp "$PLAN/pass-$shard.xml" "$file" ;;
  fail) cp "$PLAN/fail-$shard.xml" "$file"; exit 1 ;;
  hang)
    sleep 100000 &
    trap 'kill $! 2>/dev/null' INT TERM
    echo "running $$"
    wait $!
    # It is told to stop once by the CI system, and once by record.
    trap '' INT TERM
    cp "$PLAN/part-$shard.xml" "$file"
    exit 1 ;;
esac`;

const BUILDKITE_AGENT = `
case "$1 $2" in
  'oidc request-token')
    [ "$*" = 'oidc request-token --audience postlude' ] || exit 64
    cat "$BIN/../oidc-token" 2>/dev/null || { echo 'not allowed' >&2; exit 1; } ;;
  'artifact download')
    [ "$3 $4" = '.postlude/spool/* .' ] || exit 64
    mkdir -p .postlude/spool
    cp "$BIN"/../../artifacts/* .postlude/spool ;;
  *)
    echo "buildkite-agent: not known here: $*" >&2
    exit 64 ;;
esac`;

/** Writes the folder \`bin\` of a job. The command line is beside it until it is installed. */
export async function writeTools(folder: string, plan: string): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin, { recursive: true });
  const begin = `#!/bin/sh\nBIN='${bin}' PLAN='${plan}'\n`;
  await writeProgram(
    join(folder, 'postlude'),
    `#!/bin/sh\nexec ${process.execPath} ${CLI_ARGS.join(' ')} "$@"\n`,
  );
  await writeProgram(join(bin, 'npm'), begin + NPM);
  await writeProgram(join(bin, 'npx'), begin + NPX);
  await writeProgram(join(bin, 'buildkite-agent'), begin + BUILDKITE_AGENT);
  return bin;
}

async function writeProgram(path: string, text: string): Promise<void> {
  await writeFile(path, text);
  await chmod(path, 0o755);
}

/** How the tests behave until it is changed. The plan is in files, as the tools run in processes of their own. */
export class Plan {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  static async create(folder: string): Promise<Plan> {
    await mkdir(folder, { recursive: true });
    for (const shard of [1, 2, 3, 4]) {
      const of = `shard${shard}`;
      const write = (name: string, cases: { passed: number; failed?: number }) =>
        writeFile(join(folder, `${name}-${shard}.xml`), junit({ ...cases, of }));
      await write('pass', { passed: TESTS_OF_SHARD });
      await write('fail', { passed: TESTS_OF_SHARD - 1, failed: 1 });
      await write('part', { passed: 1 });
    }
    return new Plan(folder);
  }

  async shard(number: number, behaviour: Behaviour): Promise<void> {
    await writeFile(join(this.folder, `shard-${number}`), `${behaviour}\n`);
  }

  /** Makes `npm ci` of this job fail; without a name, of no job. */
  async installFails(job = ''): Promise<void> {
    await writeFile(join(this.folder, 'install-fails'), `${job}\n`);
  }
}
