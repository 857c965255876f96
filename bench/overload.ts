/**
 * What does a server do if more arrives than it can do? `curve` offers it multiples of its capacity: how
 * many requests are done in time, and how long do they take? `batches` sends 500 batches of 2 MB at once to
 * a server with a heap of 512 MB. `cost` says what letting calls in takes by itself. With --unbounded,
 * everything is let in.
 *
 *     npm run bench -- overload [curve|batches|cost] [--seconds 10] [--unbounded] [--json]
 */
import { CommandLine } from '../scripts/command-line.ts';
import { readConditions } from './conditions/conditions.ts';
import { measureCost } from './overload/cost.ts';
import { drawCurve } from './overload/curve.ts';
import { sendLargeBatches } from './overload/large-batches.ts';
import { UNBOUNDED } from './overload/served.ts';

const line = new CommandLine({
  command: 'npm run bench -- overload',
  names: ['curve', 'batches', 'cost'],
  defaultName: 'curve',
  options: {
    seconds: { type: 'string', default: '10' },
    batches: { type: 'string', default: '500' },
    calls: { type: 'string', default: '500000' },
    unbounded: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const { values } = line;
const MULTIPLES = [0.5, 1, 1.5, 2, 3, 5, 10];

const flags = values.unbounded ? UNBOUNDED : [];
const note = (text: string): void => {
  if (!values.json) console.error(text);
};

async function measure(): Promise<object> {
  if (line.name === 'cost') return await measureCost(line.count('calls'));
  if (line.name === 'batches') return await sendLargeBatches(line.count('batches'), flags);
  return await drawCurve({ seconds: line.count('seconds'), multiples: MULTIPLES, flags, note });
}

const measured = await measure();
const conditions = await readConditions();
const { name: part } = line;
console.log(
  JSON.stringify({ bench: 'overload', part, unbounded: values.unbounded, ...measured, conditions }),
);
process.exit(0); // clients keep their connections
