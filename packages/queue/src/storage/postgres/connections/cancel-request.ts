/**
 * Asks a server to end what it runs for a connection. The request travels on a connection of its own, which
 * is closed once it is sent. It is not encrypted, as in PostgreSQL's own library before version 17; the key
 * that it shows is that of a connection that is about to be closed. If it gets lost, the statement ends at
 * its limit.
 */
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** What the driver knows of an open connection. */
export interface ServerProcess {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

const LENGTH = 16;
const CANCEL_REQUEST_CODE = 80_877_102;

export function sendCancelRequest(socket: Duplex, server: ServerProcess): void {
  const { host, port, processID, secretKey } = server;
  if (!(socket instanceof Socket) || processID === null || secretKey === null) return;
  const message = Buffer.alloc(LENGTH);
  for (const [index, value] of [LENGTH, CANCEL_REQUEST_CODE, processID, secretKey].entries()) {
    message.writeInt32BE(value, index * 4);
  }
  socket.on('error', () => socket.destroy());
  socket.unref(); // it keeps no process alive if the server is silent
  socket.once('connect', () => socket.end(message, () => socket.destroy()));
  if (host.startsWith('/')) socket.connect(`${host}/.s.PGSQL.${port}`);
  else socket.connect(port, host);
}
