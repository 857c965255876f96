/** Commands of users, each in a process of its own with a bound on its time and memory. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '@postlude/queue/foundations';
import { Served } from '../../bench/overload/served.ts';
import { COMMAND_BOUNDS } from './attack.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'src', 'cli', 'main.ts');
const SAMPLE_EVERY_MS = 20;

export interface CommandOutput {
  /** Nothing if the process was ended at its bound. */
  readonly code: number | null;
  /** All that it printed, on both streams. */
  readonly text: string;
}

export interface CommandRunOptions {
  readonly heapMb: number;
  readonly serverFlags: readonly string[];
}

export class CommandRun {
  readonly folder = mkdtempSync(join(tmpdir(), 'postlude-attacks-'));
  readonly #options: CommandRunOptions;
  #server: Served | undefined;
  #longestSeconds = 0;
  #peakMb = 0;

  constructor(options: CommandRunOptions) {
    this.#options = options;
  }

  /** Those of the worst command. */
  get figures() {
    return { seconds: Math.round(this.#longestSeconds * 10) / 10, peak_mb: this.#peakMb };
  }

  /** Starts a server for the commands, unless there is one. */
  async serverUrl(): Promise<string> {
    this.#server ??= await Served.start(this.#options.serverFlags);
    return this.#server.url;
  }

  async run(args: readonly string[]): Promise<CommandOutput> {
    const heap = `--max-old-space-size=${this.#options.heapMb}`;
    const argv = [heap, '--conditions=postlude-source', MAIN, ...args];
    const startedAt = performance.now();
    const child = spawn(process.execPath, argv, {
      cwd: this.folder,
      env: { ...process.env, POSTLUDE_SERVER: this.#server?.url ?? '' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const output = { text: '' };
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        output.text += text;
      });
    }
    const closed = once(child, 'close');
    const ended = new AbortController();
    void closed.finally(() => ended.abort());
    void systemClock.sleep(COMMAND_BOUNDS.seconds * 1000, ended.signal).then(() => {
      if (!ended.signal.aborted) child.kill('SIGKILL');
    });
    void this.#watchMemory(child, ended.signal);
    const [code] = await closed;
    this.#longestSeconds = Math.max(this.#longestSeconds, (performance.now() - startedAt) / 1000);
    return { code, text: output.text };
  }

  async close(): Promise<void> {
    await this.#server?.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async #watchMemory({ pid }: ChildProcess, ended: AbortSignal): Promise<void> {
    while (!ended.aborted) {
      this.#peakMb = Math.max(this.#peakMb, peakOf(pid));
      await systemClock.sleep(SAMPLE_EVERY_MS, ended);
    }
  }
}

/** 0 once the process is gone. */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
  } catch {
    return 0;
  }
}
