/**
 * Does each page cost the page, whatever is before it? On PostgreSQL, with 1,000,000 results in one run and
 * 1,000,000 invocations in one realm (reads/read-world.ts), each kind of list is read to its end by the
 * service itself, in the largest pages that it allows: as clients of gRPC accept 4 MB, most pages of results
 * have fewer than 10,000. Then pages of its first and of its last tenth are read in turn, and the ratio is
 * the median time of the last over that of the first. The queries of a page in the middle are explained: a
 * plan must have no sequential scan of a large table, and no sort of more rows than the page has. It ends
 * with 1 if one has.
 *
 *     npm run bench -- reads [--rows 1000000] [--unsafe-fast] [--json]
 */
import { create } from '@bufbuild/protobuf';
import { openPostgres } from '@postlude/queue/postgres';
import type { Sql } from '@postlude/queue/storage';
import { CommandLine } from '../scripts/command-line.ts';
import {
  ListTestResultsRequestSchema,
  QueryTestResultsRequestSchema,
} from '../src/gen/luci/resultdb/v1/resultdb_pb.js';
import {
  ExplainInvocationRequestSchema,
  ListInvocationsRequestSchema,
} from '../src/gen/postlude/v1/invocations_pb.js';
import { POSTLUDE_MIGRATIONS } from '../src/migrations/migrations.ts';
import { contextOf, OWNER, openServices } from '../test/support/server/rpc-services.ts';
import { SERVER_OPTIONS, startBenchServer } from './conditions/bench-server.ts';
import { readConditions } from './conditions/conditions.ts';
import { explainAll, type Plans, recordQueries } from './reads/explained-reads.ts';
import {
  CHAIN,
  CHAIN_EVERY,
  fillReadWorld,
  invocationAt,
  LARGE,
  REALM,
  RUN,
  SCHEMA,
} from './reads/read-world.ts';
import { median, ratio } from './rounds/statistics.ts';

const line = new CommandLine({
  command: 'npm run bench -- reads',
  options: { rows: { type: 'string', default: '1000000' }, ...SERVER_OPTIONS },
});
const { values } = line;
const ROWS = line.count('rows');
const MAX_PAGE = 10_000;
/** Pages of each end that are measured. */
const SAMPLES = 20;
/** All results have this variant. */
const LINUX = { def: { builder: 'release', os: 'linux' } };

interface Page {
  readonly rows: number;
  readonly nextPageToken: string;
}

interface List {
  readonly name: string;
  page(pageToken: string): Promise<Page>;
}

interface Measured {
  readonly pages: number;
  readonly rows: number;
  readonly first_ms: number;
  readonly last_ms: number;
  readonly last_over_first: number | undefined;
  readonly plans: Plans;
}

const note = (text: string): void => console.error(text);
const postgres = await startBenchServer(values);
const opened = await openPostgres({
  url: postgres.url,
  schema: SCHEMA,
  migrations: [POSTLUDE_MIGRATIONS],
});
try {
  await opened.migrate();
  await fillReadWorld(opened, ROWS);
  note('the rows are there');
  const { asked, db } = recordQueries(opened);
  const services = await openServices(db);
  const read: Record<string, Measured> = {};
  for (const list of listsOf(services)) read[list.name] = await measure(list, asked);
  const why = await measureWhy(services, asked);
  const ratios = Object.entries(read).map(([name, { last_over_first }]) => [name, last_over_first]);
  const wrong = [...Object.values(read), why].filter((each) => !isByPage(each));
  console.log(
    JSON.stringify({
      bench: 'reads',
      ratios: { ...Object.fromEntries(ratios), why: why.last_over_first },
      rows: ROWS,
      ...read,
      why,
      conditions: await readConditions(postgres.url),
    }),
  );
  if (wrong.length > 0) process.exitCode = 1;
} finally {
  await opened.close();
  await postgres.stop();
}

function listsOf({ invocations, resultDb }: Awaited<ReturnType<typeof openServices>>): List[] {
  const context = () => contextOf(OWNER);
  const query = async (pageToken: string, init: object): Promise<Page> => {
    const request = create(QueryTestResultsRequestSchema, {
      invocations: [`invocations/${RUN}`],
      pageSize: MAX_PAGE,
      pageToken,
      ...init,
    });
    const { nextPageToken, testResults } = await resultDb.queryTestResults(request, context());
    return { rows: testResults.length, nextPageToken };
  };
  return [
    { name: 'query_test_results', page: (token) => query(token, {}) },
    {
      name: 'query_test_results_by_variant',
      page: (token) =>
        query(token, { predicate: { variant: { predicate: { case: 'equals', value: LINUX } } } }),
    },
    {
      name: 'list_test_results',
      async page(pageToken) {
        const request = { invocation: `invocations/${LARGE}`, pageSize: MAX_PAGE, pageToken };
        const { nextPageToken, testResults } = await resultDb.listTestResults(
          create(ListTestResultsRequestSchema, request),
          context(),
        );
        return { rows: testResults.length, nextPageToken };
      },
    },
    {
      name: 'list_invocations',
      async page(pageToken) {
        const request = { realm: REALM, pageSize: MAX_PAGE, pageToken };
        const { invocations: found, nextPageToken } = await invocations.listInvocations(
          create(ListInvocationsRequestSchema, request),
          context(),
        );
        return { rows: found.length, nextPageToken };
      },
    },
  ];
}

async function measure(list: List, asked: Sql[]): Promise<Measured> {
  const tokens: string[] = [];
  let rows = 0;
  for (let token: string | undefined = ''; token !== undefined; ) {
    tokens.push(token);
    const page: Page = await list.page(token);
    rows += page.rows;
    token = page.nextPageToken === '' ? undefined : page.nextPageToken;
  }
  // The last page may be a short one.
  const whole = tokens.slice(0, Math.max(1, tokens.length - 1));
  return await compare({ name: list.name, rows, pages: tokens.length }, asked, (place) =>
    list.page(whole[Math.min(whole.length - 1, Math.floor(place * whole.length))] ?? ''),
  );
}

/** The chains are of the same length, and begin at the oldest invocations and then at later ones. */
async function measureWhy(
  { invocations }: Awaited<ReturnType<typeof openServices>>,
  asked: Sql[],
): Promise<Measured> {
  const chains = Math.floor(ROWS / CHAIN_EVERY) - 1;
  return await compare({ name: 'why', rows: chains, pages: chains }, asked, async (place) => {
    const number = CHAIN_EVERY * (1 + Math.min(chains - 1, Math.floor(place * chains)));
    const name = `invocations/${invocationAt(number)}`;
    const request = create(ExplainInvocationRequestSchema, { name });
    const { explanation } = await invocations.explainInvocation(request, contextOf(OWNER));
    if (explanation?.chain.length !== CHAIN) throw new Error(`${name} has another chain`);
  });
}

/**
 * Reads pages of the first and of the last tenth in turn, so that both meet the same weather of the machine.
 * `read` is given a place between 0 and 1.
 */
async function compare(
  about: Pick<Measured, 'rows' | 'pages'> & { readonly name: string },
  asked: Sql[],
  read: (place: number) => Promise<unknown>,
): Promise<Measured> {
  const timed = async (place: number): Promise<number> => {
    const startedAt = performance.now();
    await read(place);
    return performance.now() - startedAt;
  };
  const [first, last]: [number[], number[]] = [[], []];
  for (let sample = 0; sample < SAMPLES; sample++) {
    const within = (0.1 * sample) / SAMPLES;
    first.push(await timed(within));
    last.push(await timed(1 - within));
  }
  asked.length = 0;
  await read(0.5);
  const plans = await explainAll([...asked], { schema: SCHEMA, url: postgres.url });
  const { name, ...sizes } = about;
  const measured = {
    ...sizes,
    first_ms: round(median(first)),
    last_ms: round(median(last)),
    last_over_first: ratio(median(last), median(first)),
    plans,
  };
  note(`${name}: ${JSON.stringify(measured)}`);
  return measured;
}

function isByPage({ plans, rows, pages }: Measured): boolean {
  const isSorted = plans.sorted_rows > Math.max(MAX_PAGE, rows / pages);
  return plans.sequential_scans.length === 0 && !isSorted;
}

function round(ms: number): number {
  return Math.round(ms * 10) / 10;
}
