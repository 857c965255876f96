import { expect, test } from 'vitest';
import {
  openTestPglite,
  openTestPostgres,
  testPostgresUrl,
  testSchema,
} from '../../../test/support/databases/databases.ts';
import {
  FinalizationWorld,
  type TryWay,
} from '../../../test/support/invocations/finalization-world.ts';
import { newInvocation } from '../../../test/support/invocations/fixtures.ts';
import {
  createInvocation,
  getPage,
  recordSpans,
  startTestServer,
  untilFinalized,
} from '../../../test/support/server/server-world.ts';
import { Signal } from '../../../test/support/signal.ts';
import { parseInvocationId } from '../../invocations/id.ts';
import { insertInvocations } from '../../invocations/invocations.ts';
import { jsonLog } from '../telemetry/json-log.ts';

const WITH_EXPERIMENT = { enableExperiment: 'rdb-use-tq-finalization' };

test('with the experiment, a run is finalized by pushed tasks, and exported', async () => {
  const exported = new Signal<unknown>();
  const log = jsonLog('info', {
    write: (line) => line.includes('"message":"exported"') && exported.emit(line),
  });
  const { spans, tracesTo } = recordSpans();
  const started = await startTestServer(WITH_EXPERIMENT, { log, tracesTo });
  const [, metrics] = await getPage(`${started.server.url}/metrics`);
  expect(metrics).toContain('postlude_task_due{type="tq"} 0');
  const token = await createInvocation(started, 'run', {
    bigqueryExports: [{ project: 'ci', dataset: 'd', table: 't', testResults: {} }],
  });
  await started.recorder.finalizeInvocation({ name: 'invocations/run' }, token);
  await untilFinalized(started, 'invocations/run');
  await exported.next();
  await started.server.close();
  const names = spans.map(({ name }) => name);
  expect(names).toContain('task tq');
  expect(names).not.toContain('task finalize');
});

test('the trace of a call goes on in the pushed task that it has made', async () => {
  const { spans, tracesTo } = recordSpans();
  const started = await startTestServer(WITH_EXPERIMENT, { tracesTo });
  const token = await createInvocation(started, 'inv');
  await started.recorder.finalizeInvocation({ name: 'invocations/inv' }, token);
  await untilFinalized(started, 'invocations/inv');
  await started.server.close();
  const call = spans.find(({ name }) => name.endsWith('/FinalizeInvocation'))?.spanContext();
  const task = spans.find(({ name }) => name === 'task tq');
  expect(call?.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(task?.parentSpanContext).toMatchObject({ traceId: call?.traceId, spanId: call?.spanId });
});

test.each<[string, TryWay, Readonly<Record<string, string>>]>([
  ['pushed tries, by a server without the experiment', 'pushed', {}],
  ['tries of the queue, by a server with it', 'queue', WITH_EXPERIMENT],
])('serves what others have left: %s', async (_what, way, flags) => {
  const database = await openTestPglite();
  const world = new FinalizationWorld(database, { way });
  const id = parseInvocationId('left');
  await database.write((tx) => insertInvocations(tx, [newInvocation(id)]));
  await world.start(id);
  const started = await startTestServer(flags, { database });
  await untilFinalized(started, 'invocations/left');
});

test.runIf(testPostgresUrl() !== '')(
  'a server with the experiment and one without finalize what both have begun',
  async () => {
    const schema = testSchema();
    const open = async (flags: Readonly<Record<string, string>>) =>
      await startTestServer(flags, { database: await openTestPostgres({ schema }) });
    const servers = [await open(WITH_EXPERIMENT), await open({})];
    const names = await Promise.all(
      Array.from({ length: 20 }, async (_, index) => {
        const started = servers[index % 2] ?? (await open({}));
        const token = await createInvocation(started, `inv-${index}`);
        await started.recorder.finalizeInvocation({ name: `invocations/inv-${index}` }, token);
        return `invocations/inv-${index}`;
      }),
    );
    for (const started of servers) {
      await Promise.all(names.map((name) => untilFinalized(started, name)));
      expect((await started.tasks.listDeadTasks({})).tasks).toEqual([]);
    }
  },
);

test('an experiment that nobody knows is a line of the log', async () => {
  const lines: string[] = [];
  const log = jsonLog('warn', { write: (line) => lines.push(line) });
  await startTestServer({ enableExperiment: 'of-last-year' }, { log });
  expect(lines.join('')).toMatch(/"of-last-year".*"no such experiment: ignored"/);
});
