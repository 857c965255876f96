/** A sink whose attempt stands still at one of its steps, while something else happens. */
import { isReceipt, type Sink } from '../../../src/exporter/sink.ts';

/** Runs `meanwhile` within the attempt, before its call number `at` of append or commit. */
export function interrupted(sink: Sink, at: number, meanwhile: () => Promise<void>): Sink {
  let calls = 0;
  const count = async () => {
    if (++calls === at) await meanwhile();
  };
  return {
    find: (exported) => sink.find(exported),
    begin: async (exported, signal) => {
      const session = await sink.begin(exported, signal);
      if (isReceipt(session)) return session;
      return {
        landed: session.landed,
        append: async (batch) => {
          await count();
          await session.append(batch);
        },
        commit: async (...args) => {
          await count();
          return await session.commit(...args);
        },
        abort: () => session.abort(),
      };
    },
  };
}
