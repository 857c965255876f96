/** Cloud Tasks for tests: the emulator with a queue, and a server that receives pushes. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { CloudTasksSubmitter, type QueueRequest } from '@postlude/queue/tq';
import { describe, inject, onTestFinished } from 'vitest';
import { Signal } from '../signal.ts';
import { startCloudTasksEmulator } from './cloud-tasks-emulator.ts';

declare module 'vitest' {
  interface ProvidedContext {
    hasCloudTasksEmulator: boolean;
  }
}

/** The place of MAIL's queue. */
export const PLACE = { project: 'p', region: 'l' };
export const QUEUE = 'projects/p/locations/l/queues/post';

/** Declares a suite that needs the emulator. If that is missing, the run has said so. */
export function withCloudTasks(suite: () => void): void {
  describe.runIf(inject('hasCloudTasksEmulator'))('with the emulator', suite);
}

export interface Push {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Receives pushes until the test ends. Responds with the statuses in order, and then with 200. */
export async function startPushTarget(statuses: number[] = []) {
  const pushes = new Signal<Push>();
  const server = createServer(async (request, response) => {
    const { method, url, headers } = request;
    const body = await text(request);
    response.writeHead(statuses.shift() ?? 200).end();
    pushes.emit({ method, url, headers, body });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, nextPush: () => pushes.next() };
}

/** Opens an emulator and a submitter until the test ends. */
export async function openCloudTasks() {
  const emulator = await startCloudTasksEmulator([QUEUE]);
  onTestFinished(() => emulator.stop());
  const submitter = await CloudTasksSubmitter.open({ emulatorHost: emulator.host });
  onTestFinished(() => submitter.close());
  return { emulator, submitter };
}

export function queueRequest(changes: Partial<QueueRequest> = {}): QueueRequest {
  return {
    kind: 'queue',
    classId: 'mail',
    queue: QUEUE,
    method: 'POST',
    url: 'http://127.0.0.1:9/internal/tasks/t/mail',
    headers: { 'Content-Type': 'application/json' },
    body: new TextEncoder().encode('{"class":"mail","body":{"to":"a"}}'),
    ...changes,
  };
}
