/** Targets with one fault each, by which the engine shows that it finds such faults. */
import { type FuzzTarget, require } from './target.ts';

function planted(name: string, check: FuzzTarget['check']): FuzzTarget {
  return { name: `planted-${name}`, reads: 'what its fault is in', dictionary: ['needle'], check };
}

export const plantedTargets: readonly FuzzTarget[] = [
  planted('crash', (input) => require(!input.includes('needle'), 'there is a needle')),
  planted('hang', (input) => {
    while (input.includes('needle'));
  }),
  planted('silence', (input) => {
    return input.includes('needle') ? new Promise<void>(() => undefined) : undefined;
  }),
  planted('memory', (input) => {
    for (const kept: string[][] = []; input.includes('needle'); ) kept.push(Array(1_000).fill('x'));
  }),
  planted('slow', (input) => {
    const until = process.threadCpuUsage().user + 400_000;
    while (input.includes('needle') && process.threadCpuUsage().user < until);
  }),
  planted('nothing', () => undefined),
];
