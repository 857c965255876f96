/** The queues whose latency is measured. */
import { graphileBatchingPickup, graphilePickup } from '../peers/graphile-pickup.ts';
import type { Pickup } from './pickup.ts';
import { postludePickup } from './postlude-pickup.ts';

export const PICKUPS = {
  postlude: postludePickup,
  graphile_worker: graphilePickup,
  graphile_worker_batching: graphileBatchingPickup,
} satisfies Record<string, Pickup>;
export type PickupName = keyof typeof PICKUPS;
