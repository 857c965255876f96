/**
 * Tries inputs in a process of its own, which can be ended if one of them never returns.
 *
 * Usage: trials.ts TARGET PROGRESS: the file PROGRESS holds the number of the input that is being tried, in four
 * bytes, so that it can be read whatever the input does to this process.
 */
import { openSync, writeSync } from 'node:fs';
import { findTarget } from '../targets/targets.ts';
import { readCorpus } from './files.ts';
import { Inputs } from './inputs.ts';
import { tryInput, type Verdict } from './trial.ts';

/** Inputs by their numbers, or one as it is. */
export type Job =
  | { readonly seed: number; readonly from: number; readonly count: number }
  | { readonly input: Uint8Array };

/** `tried` counts the inputs, the last of which has the verdict if there is one. */
export interface JobResult {
  readonly tried: number;
  readonly verdict: Verdict | undefined;
}

const [name = '', progressPath = ''] = process.argv.slice(2);
const progress = openSync(progressPath, 'r+');
const target = findTarget(name);
const corpus = readCorpus(name).map(({ bytes }) => bytes);
const inputs = new Inputs(target, corpus);

async function run(job: Job): Promise<JobResult> {
  if ('input' in job) return { tried: 1, verdict: await tryInput(target, Buffer.from(job.input)) };
  for (let tried = 0; tried < job.count; tried++) {
    const index = job.from + tried;
    tell(index);
    const verdict = await tryInput(target, inputs.of(job.seed, index));
    if (verdict) return { tried: tried + 1, verdict };
  }
  return { tried: job.count, verdict: undefined };
}

function tell(index: number): void {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(index);
  writeSync(progress, bytes, 0, bytes.length, 0);
}

process.on('message', (job: Job) => {
  void run(job).then((result) => process.send?.(result));
});
process.send?.('ready');
