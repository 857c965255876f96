/** Stands between a client and a server, and cuts their connections where a test wants it. */
import { connect, createServer, type Socket } from 'node:net';

/**
 * - `before`: the server never gets the message, and sees the connection go.
 * - `after`: the server has answered it, but the client never learns.
 * - `silent`: the server never gets it, and does not notice that the client has gone.
 */
export type CutMode = 'before' | 'after' | 'silent';

export interface TcpProxy {
  readonly port: number;
  /** Cuts the connection that next sends `text`; resolves when that has happened. */
  cutAt(text: string, mode: CutMode): Promise<void>;
  /** Cuts all connections now. */
  cut(): void;
  /** While `false`, new connections are closed at once. */
  accept(isAccepting: boolean): void;
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
}

export async function startTcpProxy(targetPort: number): Promise<TcpProxy> {
  const pairs = new Set<Pair>();
  let isAccepting = true;
  let cut: Cut | undefined;

  const takeCut = (message: Buffer): Cut | undefined => {
    if (!cut || !message.includes(cut.text)) return undefined;
    const taken = cut;
    cut = undefined;
    return taken;
  };

  const listener = createServer((client) => {
    if (!isAccepting) return void client.destroy();
    const server = connect(targetPort, '127.0.0.1');
    const pair: Pair = { client, server };
    pairs.add(pair);
    join(pair, takeCut, () => pairs.delete(pair));
  });
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const address = listener.address();
  if (address === null || typeof address === 'string') throw new Error('no port');

  const cutAll = (): void => {
    for (const { client, server } of pairs) {
      client.destroy();
      server.destroy();
    }
  };
  return {
    port: address.port,
    cutAt: (text, mode) =>
      new Promise((resolve) => {
        cut = { text: Buffer.from(text), mode, done: resolve };
      }),
    cut: cutAll,
    accept: (accepting) => {
      isAccepting = accepting;
    },
    close: () => {
      cutAll();
      return new Promise((resolve) => listener.close(() => resolve()));
    },
  };
}

/** Carries bytes both ways until one end closes or a cut is due. */
function join(pair: Pair, takeCut: (message: Buffer) => Cut | undefined, onEnd: () => void): void {
  const { client, server } = pair;
  let isDeaf = false;
  client.on('data', (message) => {
    const due = takeCut(message);
    if (due) perform(due, pair, message);
    if (due?.mode === 'silent') isDeaf = true;
    if (!due) server.write(message);
  });
  server.on('data', (message) => client.write(message));
  client.on('close', () => {
    if (!isDeaf) server.destroy();
  });
  server.on('close', () => {
    client.destroy();
    onEnd();
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
