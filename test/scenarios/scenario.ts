import type { Place } from './stage/place.ts';

/** One case of a pipeline, played by real processes. It throws if the outcome is not the expected one. */
export interface Scenario {
  /** Lower-case words with hyphens, used by `--only` and as the id of its run. */
  readonly name: string;
  /** A sentence about behaviour. */
  readonly shows: string;
  /** True for pipelines of CI systems, whose tokens the server requires. */
  readonly isCi?: true;
  /** True if it stops or kills its server, which it then shares with no other scenario. */
  readonly stopsServer?: true;
  /** True if it tests only the client, so that running it on Spanner would show nothing more. */
  readonly clientOnly?: true;
  run(place: Place): Promise<void>;
}
