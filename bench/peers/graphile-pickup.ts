/**
 * graphile-worker with and without a local queue, since what serves throughput may not serve latency. Its
 * workers always listen.
 */
import type { Pickup } from '../latency/pickup.ts';
import {
  BATCHING,
  CONCURRENT_JOBS,
  importGraphile,
  openUtils,
  runGraphile,
} from './graphile-worker.ts';

export const graphilePickup = pickup('no local queue', {});
export const graphileBatchingPickup = pickup('localQueue 500, completeJobBatchDelay 0', BATCHING);

function pickup(configuration: string, settings: object): Pickup {
  return {
    configuration: `run(), concurrentJobs ${CONCURRENT_JOBS}, ${configuration}; addJob()`,

    async openEnqueuer(url) {
      const { utils, close } = await openUtils(await importGraphile(), url);
      return { enqueue: async (sentAt) => void (await utils.addJob('pickup', { sentAt })), close };
    },

    async startWorker(url, handled) {
      const taskList = {
        pickup: async (payload: unknown) =>
          handled((payload as { readonly sentAt: string }).sentAt),
      };
      return await runGraphile(await importGraphile(), { url, settings, taskList });
    },
  };
}
