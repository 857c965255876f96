/** Jobs as the real service runs them. */
import { expect, test } from 'vitest';
import { openJobClient } from '../../../../src/exporter/bigquery/clients/google-job-client.ts';
import { NAME, startFake } from '../fake-world.ts';

const FIELDS = [
  { name: 'id', type: 'STRING' },
  { name: 'at', type: 'TIMESTAMP' },
];
const TIME = '2026-01-02T03:04:05.000006Z';
const JOB = { project: NAME.project, location: 'US', id: 'job' };

function mergeOf(id: string): string {
  return `MERGE \`acme.ci.results\` AS present
USING \`acme.ci.staging\` AS staged
ON FALSE
WHEN NOT MATCHED BY SOURCE
  AND present.at = TIMESTAMP "${TIME}"
  AND present.id = "${id}"
  THEN DELETE
WHEN NOT MATCHED BY TARGET
  THEN INSERT (\`id\`, \`at\`) VALUES (\`id\`, \`at\`)`;
}

async function startWorld() {
  const world = await startFake();
  const options = { schema: { fields: FIELDS } };
  const [table, staging] = [await world.create(options), await world.create(options, 'staging')];
  await table.insert(['old', 'kept'].map((id) => ({ id, at: TIME })));
  await staging.insert([{ id: 'new', at: TIME }]);
  const jobs = await openJobClient({ endpoint: world.bigQuery.httpUrl });
  const ids = () => world.bigQuery.rows(NAME).map(({ id }) => id);
  return { ...world, jobs, ids };
}

test('a job takes effect once it has been looked at, and its id is used up', async () => {
  const { clock, ids, jobs } = await startWorld();
  clock.advance(30 * 60_000);
  expect(await jobs.insert(JOB, mergeOf('old'))).toEqual({ kind: 'running' });
  expect(ids()).toEqual(['old', 'kept']);
  expect(await jobs.find(JOB)).toEqual({ kind: 'done' });
  expect(ids()).toEqual(['kept', 'new']);
  await expect(jobs.insert(JOB, mergeOf('old'))).rejects.toMatchObject({ code: 'already-exists' });
});

test('rows that insertAll has just written cannot be deleted', async () => {
  const { ids, jobs } = await startWorld();
  await jobs.insert(JOB, mergeOf('old'));
  const { error } = (await jobs.find(JOB)) as { readonly error?: Error };
  expect(error).toMatchObject({
    code: 'failed-precondition',
    message: expect.stringContaining('would affect rows in the streaming buffer'),
  });
  expect(ids()).toEqual(['old', 'kept']);
});

test('a check has no effect, and fails for what may not be run', async () => {
  const { bigQuery, ids, jobs } = await startWorld();
  await jobs.check(JOB, mergeOf('kept'));
  expect(ids()).toEqual(['old', 'kept']);
  await expect(jobs.check(JOB, 'MERGE it')).rejects.toMatchObject({ code: 'invalid-argument' });
  bigQuery.forbidJobs();
  await expect(jobs.check(JOB, mergeOf('kept'))).rejects.toMatchObject({
    code: 'permission-denied',
  });
});

test('a job runs where its tables are', async () => {
  const { jobs } = await startWorld();
  const abroad = { ...JOB, location: 'EU' };
  await jobs.insert(abroad, mergeOf('old'));
  expect(await jobs.find(abroad)).toMatchObject({ kind: 'failed' });
});
