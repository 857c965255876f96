import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { Signal } from '../signal.ts';

/** Receives what is sent to an OpenTelemetry collector, and answers with `status`. */
export async function startCollector(status = 200) {
  const received = new Signal<{ readonly path: string; readonly body: string }>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.writeHead(status).end();
    received.emit({ path: request.url ?? '', body: Buffer.concat(chunks).toString('latin1') });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return { received, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
