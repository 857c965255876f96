import type { Scenario } from '../scenarios/scenario.ts';
import { CiWorld } from './world.ts';

interface CiSystem {
  /** Begins the names of its scenarios. */
  readonly id: string;
  readonly title: string;
}

/** Makes scenarios of pipelines on one CI system, each in a world of its own. */
export function ciScenarios(
  system: CiSystem,
): (name: string, shows: string, run: (world: CiWorld) => Promise<void>) => Scenario {
  return (name, shows, run) => ({
    name: `${system.id}-${name}`,
    shows: `${system.title}: ${shows}`,
    isCi: true,
    run: async (place) => run(await CiWorld.open(place)),
  });
}
