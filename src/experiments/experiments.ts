/**
 * Named switches for new ways of doing things. A switch is off unless a process is started with it.
 * It may differ from process to process and flip at any time, so a process must serve the data of
 * both ways, whichever way its own switch is set.
 */
import type { Log } from '@postlude/queue/foundations';

/** Made by `experiment('rdb-use-tq-finalization')`. */
export interface Experiment {
  readonly name: string;
}

export function experiment(name: string): Experiment {
  return { name };
}

export interface Experiments {
  isEnabled(experiment: Experiment): boolean;
}

/** All experiments are off. */
export const noExperiments: Experiments = { isEnabled: () => false };

/**
 * Enables the experiments of `known` that are named. Other names are logged and change nothing, as
 * a program may lose an experiment before its configuration does. Throws if `known` has an empty
 * name or the same name twice, which is a bug.
 */
export function enableExperiments(
  names: readonly string[],
  known: readonly Experiment[],
  log: Log,
): Experiments {
  const byName = new Map(known.map((each) => [each.name, each]));
  if (byName.size < known.length || byName.has('')) {
    throw new Error('each experiment must have a name of its own');
  }
  const enabled = new Set<Experiment>();
  for (const name of new Set(names)) {
    const found = byName.get(name);
    if (found) enabled.add(found);
    if (found) log.info('an experiment is enabled', { experiment: name });
    else log.warn('no such experiment: ignored', { experiment: name, known: [...byName.keys()] });
  }
  return { isEnabled: (each) => enabled.has(each) };
}
