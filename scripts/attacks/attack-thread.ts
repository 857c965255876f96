/**
 * Runs an attack in a thread of its own, so that it does not delay the honest caller beside it. An attacker has
 * a machine of its own, so this thread can leave the processors to the server and to the honest caller.
 */
import { once } from 'node:events';
import { constants, setPriority } from 'node:os';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { systemClock } from '@postlude/queue/foundations';
import type { ServerAttack } from './attack.ts';
import { type AttackCounts, Attacker } from './attacker.ts';
import { serverAttack } from './attacks.ts';

const HOLD_MS = 1000;
const PAUSE_MS = 5;

export interface ThreadOptions {
  readonly url: string;
  readonly priority: 'low' | 'normal';
}

export class AttackThread {
  readonly #worker: Worker;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Resolves once the server holds what the attack needs. */
  static async prepare({ name }: ServerAttack, options: ThreadOptions): Promise<AttackThread> {
    const worker = new Worker(new URL(import.meta.url), { workerData: { ...options, name } });
    await once(worker, 'message');
    return new AttackThread(worker);
  }

  begin(): void {
    this.#worker.postMessage('begin');
  }

  async stop(): Promise<AttackCounts> {
    const answered = once(this.#worker, 'message');
    this.#worker.postMessage('stop');
    const [counts] = await answered;
    await this.#worker.terminate();
    return counts;
  }
}

/** Is called in the thread. */
async function attack(port: NonNullable<typeof parentPort>): Promise<void> {
  const stopped = new AbortController();
  const { name, priority, url } = workerData as ThreadOptions & { readonly name: string };
  if (priority === 'low') setPriority(constants.priority.PRIORITY_LOW); // of this thread alone, on Linux
  const attacker = new Attacker({ url, scale: 1, holdMs: HOLD_MS, signal: stopped.signal });
  const wave = await serverAttack(name).prepare(attacker);
  port.on('message', (said: string) => {
    if (said === 'begin') void repeat();
    else {
      stopped.abort();
      port.postMessage(attacker.counts);
    }
  });
  port.postMessage('prepared');

  async function repeat(): Promise<void> {
    while (!stopped.signal.aborted) {
      await wave().catch(() => undefined); // the server may be gone
      await systemClock.sleep(PAUSE_MS, stopped.signal);
    }
  }
}

if (!isMainThread && parentPort) await attack(parentPort);
