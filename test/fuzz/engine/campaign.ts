/**
 * A campaign: inputs of one target, until a number of them or a time is reached. Each find is made small and
 * saved; finds that say the same are one.
 */
import { monotonicMs } from '@postlude/queue/foundations';
import { readCorpus, saveFind } from './files.ts';
import { Inputs } from './inputs.ts';
import { minimize } from './minimize.ts';
import type { FuzzTarget } from './target.ts';
import type { FindKind, Verdict } from './trial.ts';
import { DEFAULT_WATCH, WatchedProcess, type WatchOptions } from './watched-process.ts';

export interface CampaignOptions {
  readonly seed: number;
  /** The number of the first input. */
  readonly from: number;
  readonly inputs: number;
  /** Bounds all of it: finds are not made smaller beyond it. */
  readonly seconds: number;
  readonly now?: () => number;
  /** Whether finds are written to files. */
  readonly isSaving: boolean;
  readonly watch?: WatchOptions;
  /** How often an input is tried while it is made smaller, by the kind of its find. */
  readonly tries?: Readonly<Record<FindKind, number>>;
  readonly onFind: (find: Find) => void;
}

export interface Find extends Verdict {
  readonly index: number;
  readonly input: Buffer;
  /** Where it was saved, relative to the folder of the fuzz tests. */
  readonly path: string | undefined;
}

export interface CampaignResult {
  readonly inputs: number;
  readonly seconds: number;
  readonly finds: readonly Find[];
}

const BATCH = 2_000;
/** More are rarely looked at before the first ones are mended. */
const MAX_FINDS = 10;
const TRIES: Readonly<Record<FindKind, number>> = { crash: 3_000, slow: 60, hang: 12, memory: 12 };

export async function runCampaign(
  target: FuzzTarget,
  options: CampaignOptions,
): Promise<CampaignResult> {
  const { seed, watch = DEFAULT_WATCH, now = monotonicMs } = options;
  const startedAt = now();
  const secondsSoFar = (): number => (now() - startedAt) / 1000;
  const hasTime = (): boolean => secondsSoFar() < options.seconds;
  const trials = new WatchedProcess(target.name, watch);
  const finds = new Map<string, Find>();
  const end = options.from + options.inputs;
  let next = options.from;
  try {
    while (next < end && hasTime() && finds.size < MAX_FINDS) {
      const count = Math.min(BATCH, end - next);
      const { tried, verdict } = await trials.run({ seed, from: next, count });
      next += tried;
      if (!verdict || finds.has(signatureOf(verdict))) continue;
      const find = await examine(trials, target, { ...options, hasTime, index: next - 1, verdict });
      finds.set(signatureOf(verdict), find);
      options.onFind(find);
    }
  } finally {
    await trials.close();
  }
  return { inputs: next - options.from, seconds: secondsSoFar(), finds: [...finds.values()] };
}

/** Finds of one cause have one error from one place. */
function signatureOf({ kind, message }: Verdict): string {
  if (kind !== 'crash') return kind;
  const [words = '', ...stack] = message.split('\n');
  const place = stack.find((line) => /^\s+at /.test(line)) ?? '';
  return words.slice(0, 40).replaceAll(/\d+/g, '0') + place;
}

interface Finding extends CampaignOptions {
  readonly index: number;
  readonly verdict: Verdict;
  readonly hasTime: () => boolean;
}

async function examine(
  trials: WatchedProcess,
  target: FuzzTarget,
  { seed, index, verdict, hasTime, isSaving, tries = TRIES }: Finding,
): Promise<Find> {
  const corpus = readCorpus(target.name).map(({ bytes }) => bytes);
  const found = new Inputs(target, corpus).of(seed, index);
  const fails = async (candidate: Buffer): Promise<boolean> => {
    const again = (await trials.run({ input: candidate })).verdict;
    return again !== undefined && signatureOf(again) === signatureOf(verdict);
  };
  let left = tries[verdict.kind];
  const input = await minimize(found, fails, () => left-- > 0 && hasTime());
  const name = `${seed}-${index}-${verdict.kind}`;
  return {
    ...verdict,
    index,
    input,
    path: isSaving ? saveFind(target.name, name, input) : undefined,
  };
}
