/** Tries inputs in a thread of its own, which can be ended if one of them never returns. */
import { parentPort, workerData } from 'node:worker_threads';
import { findTarget } from '../targets/targets.ts';
import { readCorpus } from './files.ts';
import { Inputs } from './inputs.ts';
import { tryInput, type Verdict } from './trial.ts';

export interface WorkerConfig {
  readonly target: string;
  /** One number: that of the input which is being tried. */
  readonly progress: Int32Array;
}

/** Inputs by their numbers, or one as it is. */
export type Job =
  | { readonly seed: number; readonly from: number; readonly count: number }
  | { readonly input: Uint8Array };

/** `tried` counts the inputs, the last of which has the verdict if there is one. */
export interface JobResult {
  readonly tried: number;
  readonly verdict: Verdict | undefined;
}

const { target: name, progress } = workerData as WorkerConfig;
const target = findTarget(name);
const corpus = readCorpus(name).map(({ bytes }) => bytes);
const inputs = new Inputs(target, corpus);

async function run(job: Job): Promise<JobResult> {
  if ('input' in job) return { tried: 1, verdict: await tryInput(target, Buffer.from(job.input)) };
  for (let tried = 0; tried < job.count; tried++) {
    const index = job.from + tried;
    Atomics.store(progress, 0, index);
    const verdict = await tryInput(target, inputs.of(job.seed, index));
    if (verdict) return { tried: tried + 1, verdict };
  }
  return { tried: job.count, verdict: undefined };
}

parentPort?.postMessage('ready');
parentPort?.on('message', (job: Job) => {
  void run(job).then((result) => parentPort?.postMessage(result));
});
