/** A proxy between a client and a server that cuts their connections when a test says so. */
import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * - `before`: the server never gets the message, and sees the connection close.
 * - `after`: the server has responded, but the client never gets the response.
 * - `silent`: the server never gets the message, and does not notice that the client has gone.
 */
export type CutMode = 'before' | 'after' | 'silent';

export interface TcpProxy {
  readonly port: number;
  /** Cuts the connection that next sends `text`; resolves when that has happened. */
  cutAt(text: string, mode: CutMode): Promise<void>;
  /** Cuts all connections now. */
  cut(): void;
  /** Directs new connections to another server from now on. */
  redirect(targetPort: number): void;
  /** While `false`, new connections are closed at once. */
  accept(isAccepting: boolean): void;
  /**
   * Drops everything that is sent in either direction, while both ends consider their connections alive. New
   * connections are silent, too, until `speak`. Those that were silent stay so, as if a firewall forgot them.
   */
  fallSilent(): void;
  /** New connections work again. */
  speak(): void;
  close(): Promise<void>;
}

interface Cut {
  readonly text: Buffer;
  readonly mode: CutMode;
  readonly done: () => void;
}

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  isSilent: boolean;
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let isAccepting = true;
  let isSilent = false;
  let target = targetPort;
  let cut: Cut | undefined;

  const takeCut = (message: Buffer): Cut | undefined => {
    if (!cut || !message.includes(cut.text)) return undefined;
    const taken = cut;
    cut = undefined;
    return taken;
  };

  // Half open, so that a silent end does not respond to the close of the other end.
  const listener = createServer({ allowHalfOpen: true }, (client) => {
    if (!isAccepting) return void client.destroy();
    const server = connect({ port: target, host: '127.0.0.1', allowHalfOpen: true });
    const pair: Pair = { client, server, isSilent };
    pairs.add(pair);
    join(pair, takeCut, () => pairs.delete(pair));
  });
  const port = await listen(listener);
  return {
    port,
    cutAt: (text, mode) =>
      new Promise((resolve) => {
        cut = { text: Buffer.from(text), mode, done: resolve };
      }),
    cut: () => cutAll(pairs),
    redirect: (port) => {
      target = port;
    },
    accept: (accepting) => {
      isAccepting = accepting;
    },
    fallSilent: () => {
      isSilent = true;
      for (const pair of pairs) pair.isSilent = true;
    },
    speak: () => {
      isSilent = false;
    },
    close: () => {
      cutAll(pairs);
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}

function cutAll(pairs: Iterable<Pair>): void {
  for (const { client, server } of pairs) {
    client.destroy();
    server.destroy();
  }
}

async function listen(listener: Server): Promise<number> {
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Forwards bytes in both directions until one end closes or a cut is due. */
function join(pair: Pair, takeCut: (message: Buffer) => Cut | undefined, onEnd: () => void): void {
  const { client, server } = pair;
  let isDeaf = false;
  client.on('data', (message) => {
    if (pair.isSilent) return;
    const due = takeCut(message);
    if (due) perform(due, pair, message);
    if (due?.mode === 'silent') isDeaf = true;
    if (!due) server.write(message);
  });
  server.on('data', (message) => {
    if (!pair.isSilent) client.write(message);
  });
  for (const socket of [client, server]) {
    socket.on('end', () => {
      if (!pair.isSilent) socket.end();
    });
    socket.on('close', () => {
      if (client.closed && server.closed) onEnd();
    });
  }
  client.on('close', () => {
    if (!isDeaf && !pair.isSilent) server.destroy();
  });
  server.on('close', () => {
    if (!pair.isSilent) client.destroy();
  });
  // An error is followed by `close`.
  client.on('error', () => undefined);
  server.on('error', () => undefined);
}

function perform({ mode, done }: Cut, { client, server }: Pair, message: Buffer): void {
  if (mode === 'after') {
    server.removeAllListeners('data');
    server.once('data', () => {
      server.destroy();
      done();
    });
    server.write(message);
    return;
  }
  client.destroy();
  done();
}
