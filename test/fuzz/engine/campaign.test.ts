import { expect, test } from 'vitest';
import { findTarget } from '../targets/targets.ts';
import { type CampaignOptions, type Find, runCampaign } from './campaign.ts';
import { Inputs } from './inputs.ts';
import { minimize } from './minimize.ts';

const NEVER = { crash: 0, slow: 0, hang: 0, memory: 0 };

async function campaign(fault: string, options: Partial<CampaignOptions> = {}) {
  const told: Find[] = [];
  const result = await runCampaign(findTarget(`planted-${fault}`), {
    seed: 1,
    from: 0,
    inputs: 300,
    seconds: 120,
    isSaving: false,
    onFind: (find) => told.push(find),
    ...options,
  });
  expect(result.finds).toEqual(told);
  return result;
}

test('an error is found once, and made as small as it can be', async () => {
  const { inputs, finds } = await campaign('crash');
  expect(inputs).toBe(300);
  expect(finds).toMatchObject([{ kind: 'crash', message: expect.stringContaining('a needle') }]);
  expect(finds[0]?.input.toString()).toBe('needle');
});

test('a find can be repeated by its seed and number', async () => {
  const [find] = (await campaign('crash')).finds;
  const again = await campaign('crash', { from: find?.index ?? 0, inputs: 1 });
  expect(again.finds).toMatchObject([{ index: find?.index, kind: 'crash' }]);
});

test.each(['hang', 'silence'])('an input that never ends is found: %s', async (fault) => {
  const watch = { hangMs: 3_000, memoryMb: 256 };
  const { finds } = await campaign(fault, { watch, tries: NEVER, inputs: 20 });
  expect(finds).toMatchObject([{ kind: 'hang', message: 'takes longer than 3000 ms' }]);
  expect(finds[0]?.input.toString()).toContain('needle');
});

test('an input that takes too much memory is found', async () => {
  const watch = { hangMs: 60_000, memoryMb: 64 };
  const { finds } = await campaign('memory', { watch, tries: NEVER, inputs: 20 });
  expect(finds).toMatchObject([{ kind: 'memory', message: 'takes more than 64 MB' }]);
  expect(finds[0]?.input.toString()).toContain('needle');
});

test('an input that takes too much time of the processor is found', async () => {
  const { finds } = await campaign('slow', { tries: NEVER, inputs: 20 });
  expect(finds).toMatchObject([{ kind: 'slow' }]);
  expect(finds[0]?.input.toString()).toContain('needle');
});

test('nothing is found if there is nothing', async () => {
  expect(await campaign('nothing', { inputs: 5_000 })).toMatchObject({ inputs: 5_000, finds: [] });
});

test('inputs follow from their seed and number', () => {
  const inputs = new Inputs(findTarget('tap'), [Buffer.from('1..1\nok 1 - a\n')]);
  const some = (seed: number): string[] => {
    return Array.from({ length: 50 }, (_, index) => inputs.of(seed, index).toString('hex'));
  };
  expect(some(1)).toEqual(some(1));
  expect(new Set([...some(1), ...some(2)]).size).toBeGreaterThan(80);
});

test('making an input smaller stops once it may not be tried', async () => {
  let tries = 0;
  const smallest = await minimize(
    Buffer.alloc(1_000, 'a'),
    (candidate) => Promise.resolve(candidate.length > 900),
    () => tries++ < 20,
  );
  expect(tries).toBe(21);
  expect(smallest.length).toBeLessThan(1_000);
});

test('the time of a campaign bounds how small a find is made', async () => {
  let seconds = 0;
  const { finds } = await campaign('crash', {
    seed: 7,
    seconds: 3,
    now: () => 1_000 * seconds++,
  });
  expect(finds).toMatchObject([{ kind: 'crash' }]);
  expect(finds[0]?.input.length).toBeGreaterThan('needle'.length);
  expect(seconds).toBeLessThan(8);
});
