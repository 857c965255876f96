/** Runs a server as a real process, with real signals. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { Code, createClient } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { expect, onTestFinished, test } from 'vitest';
import { Invocation_State } from '../../src/gen/luci/resultdb/v1/invocation_pb.js';
import { Recorder } from '../../src/gen/luci/resultdb/v1/recorder_pb.js';
import { Invocations } from '../../src/gen/postlude/v1/invocations_pb.js';

const SCRIPT = join(import.meta.dirname, 'serve-process.ts');
const NAME = 'invocations/inv';

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

class ServerProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly log: string[] = [];
  readonly #waiting = new Map<string, () => void>();

  constructor(folder: string) {
    const flags = ['listen=127.0.0.1:0', `database=pglite:${join(folder, 'data')}`];
    this.child = spawn(process.execPath, [SCRIPT, ...flags], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.ended = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    if (this.child.stderr) {
      createInterface(this.child.stderr).on('line', (line) => {
        this.log.push(line);
        for (const [text, found] of this.#waiting) if (line.includes(text)) found();
      });
    }
    onTestFinished(async () => {
      this.child.kill('SIGKILL');
      await this.ended;
    });
  }

  /** Resolves once a line of the log contains the text. */
  logged(text: string): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.set(text, resolve);
      if (this.log.some((line) => line.includes(text))) resolve();
    });
  }

  /** Resolves to the server's URL. Throws an error with the log if the server ends instead. */
  async url(): Promise<string> {
    const { stdout } = this.child;
    if (stdout) for await (const line of createInterface(stdout)) return line;
    throw new Error(`the server ended:\n${this.log.join('\n')}`);
  }
}

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'postlude-flow-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

function clients(baseUrl: string) {
  const transport = createGrpcTransport({ baseUrl });
  return {
    recorder: createClient(Recorder, transport),
    invocations: createClient(Invocations, transport),
  };
}

async function createInvocation({ recorder }: Pick<ReturnType<typeof clients>, 'recorder'>) {
  let token = '';
  await recorder.createInvocation(
    { invocationId: 'inv', invocation: { realm: 'ci:main' } },
    {
      onHeader: (headers) => {
        token = headers.get('update-token') ?? '';
      },
    },
  );
  return { headers: { 'update-token': token } };
}

test('SIGTERM ends streams with a code to try again, and the process with 0', async () => {
  const server = new ServerProcess(await dataFolder());
  const client = clients(await server.url());
  await createInvocation(client);
  const watch = async (): Promise<void> => {
    for await (const _ of client.invocations.watchInvocation({ name: NAME })) {
      server.child.kill('SIGTERM');
    }
  };
  await expect(watch()).rejects.toMatchObject({ code: Code.Unavailable });
  expect(await server.ended).toEqual({ code: 0, signal: null });
  expect(server.log.at(-1)).toContain('"message":"stopped"');
});

test('a second signal ends the process at once, whatever is under way', async () => {
  const server = new ServerProcess(await dataFolder());
  const { hostname, port } = new URL(await server.url());
  const socket = connect({ host: hostname, port: Number(port) });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  socket.write(
    'POST /luci.resultdb.v1.Recorder/CreateInvocation HTTP/1.1\r\nhost: localhost\r\n' +
      'content-type: application/json\r\ncontent-length: 1000\r\nexpect: 100-continue\r\n\r\n',
  );
  await new Promise((resolve) => socket.once('data', resolve)); // "100 Continue" shows that the request is running
  server.child.kill('SIGTERM');
  await server.logged('"message":"stopping"');
  server.child.kill('SIGTERM');
  expect(await server.ended).toEqual({ code: null, signal: 'SIGTERM' });
});

test('after SIGKILL another process continues with the same data and tokens', async () => {
  const folder = await dataFolder();
  const first = new ServerProcess(folder);
  const token = await createInvocation(clients(await first.url()));
  first.child.kill('SIGKILL');
  await first.ended;

  const second = new ServerProcess(folder);
  const client = clients(await second.url());
  await client.recorder.finalizeInvocation({ name: NAME }, token);
  const states: (Invocation_State | undefined)[] = [];
  for await (const { invocation } of client.invocations.watchInvocation({ name: NAME })) {
    states.push(invocation?.state);
  }
  expect(states.at(-1)).toBe(Invocation_State.FINALIZED);
});
