/** `postlude serve` as a separate process, which may be killed, and started again at the same port. */
import type { Authority } from '../../ci/authority.ts';
import { ChildCli } from '../../flows/child-cli.ts';
import type { ServerDatabase } from '../../server-databases.ts';
import { freePort } from '../../support/network/free-port.ts';

export interface ServingOptions {
  /** A file of settings. */
  readonly config?: string;
  /** Signs the tokens of CI systems, if the server requires them. */
  readonly authority?: Authority;
  /** The token with which the scenario itself calls the server. */
  readonly token?: string;
}

export class Serving {
  readonly authority: Authority | undefined;
  readonly token: string | undefined;
  readonly #config: string | undefined;
  readonly #folder: string;
  readonly #database: ServerDatabase;
  readonly #port: number;
  #process: ChildCli | undefined;

  private constructor(
    folder: string,
    database: ServerDatabase,
    { authority, config, port, token }: ServingOptions & { readonly port: number },
  ) {
    this.authority = authority;
    this.token = token;
    this.#config = config;
    this.#folder = folder;
    this.#database = database;
    this.#port = port;
  }

  /** The exports of the server go to `folder`. */
  static async start(
    folder: string,
    database: ServerDatabase,
    options: ServingOptions = {},
  ): Promise<Serving> {
    const port = await freePort();
    const serving = new Serving(folder, database, { ...options, port });
    await serving.start();
    return serving;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const listen = ['--listen', `127.0.0.1:${this.#port}`, '--export-dir', 'exports'];
    const quick = ['--enforce-every', '100ms', '--poll', '200ms', '--lease', '2s'];
    const settings = this.#config === undefined ? [] : ['--config', this.#config];
    const migrate = ['--auto-migrate', 'true'];
    const argv = ['serve', ...settings, ...listen, ...quick, ...migrate, '--log-level', 'warn'];
    this.#process = new ChildCli(this.#folder, argv, this.#database);
    await this.#process.printed(/postlude serves on (http:\S+)/);
  }

  /** Returns the exit code, which is `null` after SIGKILL. */
  async stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null> {
    if (this.#process === undefined) return null;
    this.#process.child.kill(signal);
    return (await this.#process.ended).code;
  }
}
