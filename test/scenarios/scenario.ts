import type { Place } from './stage/place.ts';

/** One case of a pipeline, told by what processes do; it throws where it comes out otherwise. */
export interface Scenario {
  /** For `--only`, and for the id of its run: lower-case words with hyphens. */
  readonly name: string;
  /** A sentence about behaviour. */
  readonly shows: string;
  /** The pipelines of CI systems, whose tokens the server asks for. */
  readonly isCi?: true;
  /** It stops or kills its server, which others do not share then. */
  readonly stopsServer?: true;
  /** What it shows is in the client alone: Spanner would show nothing more. */
  readonly clientOnly?: true;
  run(place: Place): Promise<void>;
}
