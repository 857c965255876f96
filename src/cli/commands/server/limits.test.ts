import { expect, test } from 'vitest';
import { openCliWithServer } from '../../../../test/support/cli/cli-world.ts';

test('postlude limits shows the classes, the callers and the load', async () => {
  const { run } = await openCliWithServer({ maxWrites: '7' });
  await run('create', 'a', '--realm', 'ci:main');
  const { code, out } = await run('limits');
  expect(code).toBe(0);
  const lines = out.split('\n');
  expect(lines[0]).toMatch(/^CLASS +IN WORK +WAITING +AT MOST$/);
  expect(lines[3]).toMatch(/^write +0 +0 +\d( of 7)?$/);
  expect(lines[6]).toMatch(/^CALLER +IN WORK +WAITING +MIB +REFUSED +RESULTS TODAY +A SECOND$/);
  expect(lines[7]).toMatch(/^address:127\.0\.0\.1 +0 +0 +0 of 64 +0 +0 +any$/);
  expect(out).toMatch(/event loop \d+ ms late, heap \d+ % full/);
});

test('postlude limits prints JSON', async () => {
  const { run } = await openCliWithServer();
  await run('create', 'a', '--realm', 'ci:main');
  const [found] = (await run('limits', '--json')).json();
  expect(found).toMatchObject({
    classes: [{ name: 'read' }, { name: 'heavy-read' }, { name: 'write' }, { name: 'watch' }],
    callers: [{ name: 'address:127.0.0.1', inWork: 0, refused: 0, maxRequestsPerSecond: 0 }],
    load: { heapShare: expect.any(Number) },
  });
});
