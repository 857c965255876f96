/**
 * Reads random inputs, made from examples, words and structure, and looks for promises that are broken:
 *
 *     npm run fuzz -- all|TARGET [--seconds 60] [--inputs 1000000] [--seed N] [--from 0] [--json]
 *     npm run fuzz -- --list
 *
 * A find (an error that is not declared, a broken promise, too much time or memory) is made small, saved
 * below test/fuzz/finds, where `npm test` tries it from then on, and printed with the command that repeats it.
 * The last line is {"fuzz": {"seed", "targets": [{"target", "inputs", "seconds", "finds"}]}}. It fails if
 * there is a find.
 */
import { randomInt, systemRandom } from '@postlude/queue/foundations';
import { CommandLine } from '../../scripts/command-line.ts';
import { type CampaignResult, type Find, runCampaign } from './engine/campaign.ts';
import type { FuzzTarget } from './engine/target.ts';
import { findTarget, TARGETS } from './targets/targets.ts';

const line = new CommandLine({
  command: 'npm run fuzz',
  names: ['all', ...TARGETS.map(({ name }) => name)],
  defaultName: 'all',
  options: {
    seconds: { type: 'string', default: '60' },
    inputs: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(randomInt(systemRandom, 1_000_000_000)) },
    from: { type: 'string', default: '0' },
    list: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
  },
});
const seed = line.count('seed', 0);
const campaign = {
  seed,
  from: line.count('from', 0),
  inputs: line.count('inputs'),
  seconds: line.count('seconds'),
  isSaving: true,
};

if (line.values.list) for (const { name, reads } of TARGETS) console.log(`${name}: ${reads}`);
else await fuzz(line.name === 'all' ? TARGETS : [findTarget(line.name)]);

async function fuzz(targets: readonly FuzzTarget[]): Promise<void> {
  const results: (CampaignResult & { target: string })[] = [];
  for (const target of targets) {
    const onFind = (find: Find): void => printFind(target, find);
    const result = await runCampaign(target, { ...campaign, onFind });
    results.push({ target: target.name, ...result });
    if (!line.values.json) printResult(target, result);
  }
  const figures = results.map(({ target, inputs, seconds, finds }) => {
    return { target, inputs, seconds: Math.round(seconds), finds: finds.length };
  });
  console.log(JSON.stringify({ fuzz: { seed, targets: figures } }));
  if (results.some(({ finds }) => finds.length > 0)) process.exitCode = 1;
}

function printResult({ name }: FuzzTarget, { inputs, seconds, finds }: CampaignResult): void {
  const rate = Math.round(inputs / Math.max(seconds, 0.001));
  console.log(
    `${name}: ${inputs} inputs, ${Math.round(seconds)} s, ${rate}/s, ${finds.length} finds`,
  );
}

function printFind({ name }: FuzzTarget, { index, kind, message, path }: Find): void {
  console.error(`${name}: ${kind}: ${message}`);
  console.error(`  saved as test/fuzz/${path}`);
  console.error(`  again: npm run fuzz -- ${name} --seed ${seed} --from ${index} --inputs 1`);
}
