/** The dashboard and the alert rules in docs/monitoring name only metrics and labels that a server has. */

import { readFileSync } from 'node:fs';
import { TaskQueue } from '@postlude/queue';
import { systemClock } from '@postlude/queue/foundations';
import { deadTasks } from '@postlude/queue/tables';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { exportTask } from '../../src/exporter/task.ts';
import { openTestPglite } from '../support/databases/databases.ts';
import { invocationId } from '../support/invocations/fixtures.ts';
import { DAY, expected, PurgeWorld } from '../support/retention/purge-world.ts';
import { createInvocation, startTestServer } from '../support/server/server-world.ts';

/** The labels of each metric, by the names that Prometheus scrapes. */
type Exposed = ReadonlyMap<string, ReadonlySet<string>>;

interface Query {
  readonly where: string;
  readonly expr: string;
}

/** Labels that Prometheus adds when it scrapes. */
const ADDED = ['instance', 'job', 'le'];
/** Words of PromQL, which may come before a parenthesis or after it. */
const WORDS = /\b(?:sum|max|by|or|rate|increase|histogram_quantile)\b/g;

function dashboardQueries(): Query[] {
  const { panels } = JSON.parse(read('grafana.json'));
  return panels.flatMap(({ targets = [], title }: { targets?: Query[]; title: string }) =>
    targets.map(({ expr }) => ({ where: title, expr })),
  );
}

function alertQueries(): Query[] {
  const { groups } = parse(read('alerts.yaml'));
  return groups.flatMap(({ rules }: { rules: { alert: string; expr: string }[] }) =>
    rules.map(({ alert, expr }) => ({ where: alert, expr })),
  );
}

function read(file: string): string {
  return readFileSync(new URL(`../../docs/monitoring/${file}`, import.meta.url), 'utf8');
}

/** Names what a query uses and `exposed` has not. */
function unknownIn({ expr, where }: Query, exposed: Exposed): string[] {
  const unquoted = expr.replaceAll(/"[^"]*"/g, '""');
  const metrics = unquoted
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]|\bby \([^)]*\)/g, ' ')
    .replaceAll(WORDS, ' ')
    .match(/[a-z_]\w*/gi);
  const labels = [
    ...[...unquoted.matchAll(/\{([^}]*)\}/g)].flatMap(([, inner = '']) => inner.split(',')),
    ...[...unquoted.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, inner = '']) => inner.split(',')),
  ].map((label) => label.trim().replace(/(?:[=!]~|!?=)""$/, ''));
  const names = metrics ?? [];
  const known = new Set([...ADDED, ...names.flatMap((name) => [...(exposed.get(name) ?? [])])]);
  return [
    ...names.filter((name) => !exposed.has(name)),
    ...labels.filter((label) => !known.has(label)),
  ].map((unknown) => `${where}: ${unknown}`);
}

function exposedIn(page: string): Exposed {
  const exposed = new Map<string, Set<string>>();
  for (const line of page.split('\n')) {
    const [, name, inner = ''] = /^([a-z_]\w*)(?:\{(.*)\})? /i.exec(line) ?? [];
    if (name === undefined) continue;
    const labels = exposed.get(name) ?? new Set();
    for (const [, label = ''] of inner.matchAll(/(\w+)="/g)) labels.add(label);
    exposed.set(name, labels);
  }
  return exposed;
}

/** A server that has had something of everything: a run, an export, a dead task, and what expired. */
async function startBusyServer(): Promise<string> {
  const db = await openTestPglite();
  const world = new PurgeWorld(db);
  const queue = new TaskQueue({ db, clock: systemClock });
  const now = systemClock.now();
  world.clock.set(now);
  await world.create('u-old', { expirationTime: now - DAY });
  await world.record('u-old', expected('t'));
  await world.finalize('u-old');
  await world.create('u-overdue', { deadline: now - DAY });
  const task = (index: number) => exportTask(invocationId('u-gone'), index, new Uint8Array());
  const [dead, leased] = [task(0), task(1)] as const;
  await db.write((tx) => queue.enqueue([leased], tx));
  await queue.leaseDue(leased.type.name, 1, DAY);
  await db.write((tx) =>
    tx.insert(deadTasks, [
      {
        type: dead.type.name,
        id: dead.id,
        createTime: now,
        deadTime: now,
        attempt: 1,
        fence: 1,
        reason: 'broken',
      },
    ]),
  );
  const server = await startTestServer({ enforceEvery: '50ms' }, { database: db });
  const destination = { project: 'p', dataset: 'd', table: 't', testResults: {} };
  const owner = await createInvocation(server, 'u-run', { bigqueryExports: [destination] });
  await server.recorder.finalizeInvocation({ name: 'invocations/u-run' }, owner);
  return server.server.url;
}

test.each([
  ['the dashboard', dashboardQueries],
  ['the alert rules', alertQueries],
])('%s shows only what a server exposes', async (_name, queriesOf) => {
  const queries = queriesOf();
  expect(queries.length).toBeGreaterThan(10);
  const url = await startBusyServer();
  let unknown: string[];
  do {
    // The work of the server ends some time; if something is unknown by then, the test times out.
    const exposed = exposedIn(await (await fetch(`${url}/metrics`)).text());
    unknown = queries.flatMap((query) => unknownIn(query, exposed));
  } while (unknown.length > 0);
  expect(unknown).toEqual([]);
});

test.each([
  ['max by (type) (postlude_task_deaf)', ['x: postlude_task_deaf', 'x: type']],
  ['sum(rate(a_total{kind=~"b|c", d!="e"}[5m])) > 3', ['x: d']],
  ['max(a_total) or max(b)', ['x: b']],
])('a query that names what does not exist is found: %s', (expr, unknown) => {
  const exposed = exposedIn('a_total{kind="b"} 1\n# HELP b\n');
  expect(unknownIn({ expr, where: 'x' }, exposed)).toEqual(unknown);
});
