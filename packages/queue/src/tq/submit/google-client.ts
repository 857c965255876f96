/**
 * A client of one of Google's services, which is opened before its first call, and again if that failed.
 * The clients themselves do not recover: one that found no credentials never looks again, and ends the
 * process by an unhandled rejection unless it was initialized separately.
 */
import { emulatorOptions } from '../../foundations/grpc/google-grpc.ts';

/** Of a call. No retries of the client's own: those stand in one place, submit.ts. */
export interface GoogleCallOptions {
  readonly retry: null;
  readonly signal: AbortSignal;
}

export interface GoogleClientLike {
  initialize?(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** How a client reaches its service: with the machine's own credentials, unless this says otherwise. */
export interface GoogleClientOptions {
  /** `host:port` of an emulator, which is called without credentials and in plain text. */
  readonly emulatorHost?: string;
}

export class GoogleClient<C extends GoogleClientLike> {
  readonly #create: () => C;
  readonly #isOurs: boolean;
  #opening: Promise<C> | undefined;

  private constructor(create: () => C, isOurs: boolean) {
    this.#create = create;
    this.#isOurs = isOurs;
  }

  /** Returns a client that is created and closed here. */
  static own<C extends GoogleClientLike>(create: () => C): GoogleClient<C> {
    return new GoogleClient(create, true);
  }

  /** Wraps a client of the user's, who closes it. */
  static given<C extends GoogleClientLike>(client: C): GoogleClient<C> {
    return new GoogleClient(() => client, false);
  }

  /** Makes a call. It also rejects if there are no credentials. */
  async call<T>(
    signal: AbortSignal,
    fn: (client: C, options: GoogleCallOptions) => Promise<T>,
  ): Promise<T> {
    return fn(await this.#open(), { retry: null, signal });
  }

  async close(): Promise<void> {
    if (!this.#isOurs) return;
    const client = await this.#opening?.catch(() => undefined);
    await client?.close();
  }

  #open(): Promise<C> {
    this.#opening ??= this.#initialize().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    return this.#opening;
  }

  async #initialize(): Promise<C> {
    const client = this.#create();
    await client.initialize?.();
    return client;
  }
}

/** Options of the constructors of Google's clients; `name` is the client's package. */
export function clientOptions(
  name: string,
  { emulatorHost }: GoogleClientOptions,
): Record<string, string | number | object> {
  if (emulatorHost === undefined) return {};
  const { hostname, port } = new URL(`http://${emulatorHost}`);
  return emulatorOptions(name, { hostname, port: Number(port) });
}
