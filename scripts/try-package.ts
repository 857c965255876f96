/** Uses the installed package as README.md says, and without the optional packages. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, renameSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { blocksOf } from './docs/markdown.ts';

const README = join(import.meta.dirname, '..', 'README.md');

/**
 * Runs the commands of README.md, word by word, in an empty folder of the project: a server in one terminal,
 * and in another one the commands that must exit with 0.
 */
export async function followReadme(project: string): Promise<void> {
  const folder = join(project, 'empty');
  mkdirSync(folder);
  const [serve, record] = firstLines();
  const address = `127.0.0.1:${await freePort()}`;
  const env = {
    ...process.env,
    POSTLUDE_LISTEN: address,
    POSTLUDE_SERVER: `http://${address}`,
  };
  // It has its own process group, as npx does not pass signals on to its child.
  const server = spawn('bash', ['-ec', serve], {
    cwd: folder,
    env,
    detached: true,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    await untilServing(server);
    execFileSync('bash', ['-ec', record], { cwd: folder, env, stdio: 'inherit' });
  } finally {
    await endGroup(server);
  }
}

/** Finds the two blocks that a reader without this repository types. */
function firstLines(): readonly [serve: string, record: string] {
  const page = { path: 'README.md', text: readFileSync(README, 'utf8') };
  const [serve, record, ...more] = blocksOf(page)
    .map(({ text }) => text)
    .filter((text) => text.includes('npx -y @postlude/postlude'));
  if (!serve?.includes(' serve') || !record?.includes(' gate ') || more.length > 0) {
    throw new Error('README.md no longer shows a server in one block, and a run in the next');
  }
  return [serve, record];
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port was given');
  return address.port;
}

async function untilServing({ stdout }: ChildProcess): Promise<void> {
  if (stdout === null) throw new Error('the server has no output to read');
  for await (const line of createInterface({ input: stdout })) {
    if (line.startsWith('postlude serves on ')) return;
  }
  throw new Error('the server of README.md ended');
}

async function endGroup(child: ChildProcess): Promise<void> {
  if (child.pid === undefined || child.exitCode !== null) return;
  process.kill(-child.pid, 'SIGTERM');
  await once(child, 'exit');
}

/**
 * Without one of the optional packages, `serve` must say which one it lacks, and how to get it, whether it
 * can do without for now or not.
 */
export async function serveWithoutOptional(
  project: string,
  optional: Readonly<Record<string, string>>,
): Promise<void> {
  for (const name of Object.keys(optional)) {
    const folder = join(project, 'node_modules', name);
    const aside = `${folder}-aside`;
    renameSync(folder, aside);
    try {
      await untilSaid(project, `npm install ${name}@`);
    } finally {
      renameSync(aside, folder);
    }
  }
}

async function untilSaid(project: string, words: string): Promise<void> {
  const main = join(project, 'node_modules/@postlude/postlude/dist/cli/main.js');
  const server = spawn(process.execPath, [main, 'serve', '--listen', '127.0.0.1:0'], {
    cwd: project,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const exited = once(server, 'exit');
  const lines: string[] = [];
  for await (const line of createInterface({ input: server.stderr })) {
    lines.push(line);
    if (line.includes(words)) server.kill();
  }
  await exited;
  if (!lines.join('\n').includes(words)) {
    throw new Error(`"serve" ended without "${words}":\n${lines.join('\n')}`);
  }
}
