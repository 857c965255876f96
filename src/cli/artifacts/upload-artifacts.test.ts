import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import { systemClock } from '@postlude/queue/foundations';
import { expect, test } from 'vitest';
import { openCliWithServer } from '../../../test/support/cli/cli-world.ts';
import { ResultDB } from '../../gen/luci/resultdb/v1/resultdb_pb.js';

const REPORT = '<testsuite name="s"><testcase classname="c" name="passes"/></testsuite>';
const LARGE = 'large '.repeat(100_000);

/** A command that writes a report and some files. */
const writes = (files: Readonly<Record<string, string>>): string[] => {
  const all = { 'report.xml': REPORT, ...files };
  const code = `const fs = require('node:fs');
    fs.mkdirSync('out/deep', { recursive: true });
    fs.writeFileSync('out/c.txt', 'large '.repeat(100_000));
    for (const [name, text] of Object.entries(${JSON.stringify(all)})) fs.writeFileSync(name, text);`;
  return ['--reports', 'report.xml', '--', process.execPath, '-e', code];
};

async function openWorld() {
  const world = await openCliWithServer();
  const transport = createConnectTransport({ baseUrl: world.url, httpVersion: '1.1' });
  const resultDb = createClient(ResultDB, transport);
  const list = async (id: string) => {
    const { artifacts } = await resultDb.listArtifacts({ parent: `invocations/${id}` });
    return artifacts;
  };
  const idsOf = async (id: string) => (await list(id)).map(({ artifactId }) => artifactId);
  return { ...world, list, idsOf };
}

test('record keeps the files that the command has written, small and large', async () => {
  const { cwd, idsOf, list, run } = await openWorld();
  await mkdir(join(cwd, 'out'));
  await writeFile(join(cwd, 'out/old.log'), 'of an earlier run');
  const files = { 'out/a.log': 'hello', 'out/deep/b.html': '<b>', 'out/e': '' };
  const options = ['record', '--json', '--id', 'x', '--artifacts', 'out/**', 'nothing/*'];
  const recorded = await run(...options, ...writes(files));
  expect(recorded).toMatchObject({ code: 0, err: '' });
  expect(recorded.json()).toMatchObject([
    { artifacts: { files: 4, bytes: 8 + LARGE.length, problems: [] } },
  ]);
  expect(await idsOf('x')).toEqual(['out/a.log', 'out/c.txt', 'out/deep/b.html', 'out/e']);
  const [log, large, page] = await list('x');
  expect(log?.contentType).toBe('text/plain');
  expect(page?.contentType).toBe('text/html');
  expect(await (await fetch(large?.fetchUrl ?? '')).text()).toBe(LARGE);
});

test('upload keeps files too, and reports those that it cannot', async () => {
  const { cwd, idsOf, run } = await openWorld();
  await run('create', 'x');
  await writeFile(join(cwd, 'report.xml'), REPORT);
  const upload = () =>
    run('upload', 'report.xml', '--json', '--invocation', 'x', '--artifacts', '*.txt');
  for (const name of ['a.txt', 'b.txt']) await writeFile(join(cwd, name), name);
  await writeFile(join(cwd, 'l.txt'), LARGE);
  const first = await upload();
  expect(first.err).toBe('');
  expect(first.json()).toMatchObject([{ artifacts: { files: 3, problems: [] } }]);
  expect((await upload()).json()).toMatchObject([{ artifacts: { files: 3, problems: [] } }]);
  await writeFile(join(cwd, 'a.txt'), 'changed');
  await writeFile(join(cwd, 'l.txt'), `${LARGE}changed`);
  await writeFile(join(cwd, 'new.txt'), 'new');
  const again = await upload();
  expect(again.code).toBe(0);
  expect(again.json()).toMatchObject([
    {
      artifacts: {
        files: 2,
        problems: [
          { file: join(cwd, 'l.txt'), message: expect.stringContaining('with another content') },
          { file: join(cwd, 'a.txt'), message: expect.stringContaining('with another content') },
        ],
      },
    },
  ]);
  expect(await idsOf('x')).toEqual(['a.txt', 'b.txt', 'l.txt', 'new.txt']);
});

test('without a server, record says that the files are not kept', async () => {
  const { runWith } = await openWorld();
  const hurried = { ...systemClock, sleep: async () => undefined };
  const away = ['--server', 'http://127.0.0.1:1', '--id', 'x', '--artifacts', 'out/*'];
  const recorded = await runWith(
    { clock: hurried },
    'record',
    ...away,
    ...writes({ 'out/a.log': 'a' }),
  );
  expect(recorded.code).toBe(0);
  expect(recorded.err).toContain('the artifacts are not kept, since the server cannot be reached');
});
