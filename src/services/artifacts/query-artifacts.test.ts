import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import { newArtifact, newTestResult } from '../../../test/support/invocations/fixtures.ts';
import { contextOf, OWNER, openServices } from '../../../test/support/server/rpc-services.ts';
import type { NewArtifact } from '../../artifacts/artifact.ts';
import { recordArtifacts } from '../../artifacts/artifacts.ts';
import {
  type ArtifactPredicateSchema,
  TestResultPredicate_Expectancy as Expectancy,
  ArtifactPredicate_ArtifactKind as Kind,
} from '../../gen/luci/resultdb/v1/predicate_pb.js';
import { QueryArtifactsRequestSchema } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { TestStatus } from '../../gen/luci/resultdb/v1/test_result_pb.js';
import { parseInvocationId } from '../../invocations/id.ts';
import { includeInvocations } from '../../invocations/inclusions.ts';
import { recordTestResults } from '../../results/test-results.ts';

type Predicate = MessageInitShape<typeof ArtifactPredicateSchema>;
type Request = MessageInitShape<typeof QueryArtifactsRequestSchema>;

const [run, shard] = [parseInvocationId('u-run'), parseInvocationId('u-shard')];
const linux = { os: 'linux' };

function of(testId: string, artifactId: string, given: Partial<NewArtifact> = {}): NewArtifact {
  return newArtifact(artifactId, { result: { testId, resultId: 'r1' }, ...given });
}

/** A run that includes a shard, each with artifacts of its own and of results. */
async function openRun(db: Awaited<ReturnType<typeof openTestPglite>>) {
  const services = await openServices(db);
  for (const id of [run, shard]) await services.create(id);
  const now = services.clock.now();
  await db.write(async (tx) => {
    await includeInvocations(tx, run, [shard]);
    await recordTestResults(tx, run, [newTestResult('t/green')]);
    await recordTestResults(tx, shard, [
      newTestResult('t/red', { expected: false, status: 'FAIL', variant: linux }),
      newTestResult('t/green', { resultId: 'r1' }),
    ]);
    const log = { contentType: 'application/octet-stream', artifactType: 'LOG' };
    await recordArtifacts(tx, run, { given: [newArtifact('run'), of('t/green', 'a')], now });
    await recordArtifacts(tx, shard, {
      given: [
        newArtifact('shard', log),
        of('t/red', 'b'),
        of('t/green', 'c', { contentType: 'image/png' }),
        of('t/gone', 'd'),
      ],
      now,
    });
  });
  const query = async (request: Request) => {
    const message = create(QueryArtifactsRequestSchema, {
      invocations: ['invocations/u-run'],
      ...request,
    });
    return await services.resultDb.queryArtifacts(message, contextOf(OWNER));
  };
  const idsOf = async (predicate: Predicate): Promise<string> => {
    const { artifacts } = await query({ predicate });
    return artifacts
      .map(({ artifactId }) => artifactId)
      .toSorted()
      .join(' ');
  };
  return { ...services, query, idsOf };
}

const { VARIANTS_WITH_UNEXPECTED_RESULTS: UNEXPECTED } = Expectancy;

const QUERIES: readonly [string, Predicate, string][] = [
  ['all', {}, 'a b c d run shard'],
  ['without inclusions', { followEdges: { testResults: true } }, 'a run'],
  ['without results', { followEdges: { includedInvocations: true } }, 'run shard'],
  ['of the named invocations only', { followEdges: {} }, 'run'],
  ['of invocations', { artifactKind: Kind.WORK_UNIT }, 'run shard'],
  ['by media type', { contentTypeRegexp: 'text/.*' }, 'a b d run'],
  ['by id', { artifactIdRegexp: 's.*|d' }, 'd shard'],
  ['by type', { artifactTypeRegexp: 'L.G' }, 'shard'],
  ['by test', { testResultPredicate: { testIdRegexp: 't/gr.*' } }, 'a c run shard'],
  [
    'by variant',
    {
      testResultPredicate: {
        variant: { predicate: { case: 'contains', value: { def: linux } } },
      },
    },
    'b run shard',
  ],
  ['of unexpected variants', { testResultPredicate: { expectancy: UNEXPECTED } }, 'b run shard'],
  [
    'of unexpected variants without inclusions',
    {
      followEdges: { testResults: true },
      testResultPredicate: { expectancy: UNEXPECTED },
    },
    'run',
  ],
];

eachDatabase((open) => {
  test('predicates select artifacts in all that a run reaches', async () => {
    const { idsOf } = await openRun(await open());
    for (const [what, predicate, ids] of QUERIES) {
      expect([what, await idsOf(predicate)]).toEqual([what, ids]);
    }
  });

  test('pages are in order, and hold what is known of the results', async () => {
    const { query } = await openRun(await open());
    const all = (await query({})).artifacts;
    const paged: unknown[] = [];
    let pageToken = '';
    do {
      const page = await query({ pageSize: 2, pageToken });
      paged.push(...page.artifacts);
      pageToken = page.nextPageToken;
    } while (pageToken !== '');
    expect(paged).toEqual(all);
    expect(all.find(({ artifactId }) => artifactId === 'b')).toMatchObject({
      name: 'invocations/u-shard/tests/t%2Fred/results/r1/artifacts/b',
      testStatus: TestStatus.FAIL,
      testIdStructured: { moduleVariant: { def: linux } },
      fetchUrl: expect.stringContaining('/artifacts/b?token='),
    });
    expect(all.find(({ artifactId }) => artifactId === 'd')).toMatchObject({
      testId: 't/gone',
      testStatus: TestStatus.STATUS_UNSPECIFIED,
    });
  });
});

const REFUSED: readonly [string, Request][] = [
  ['invocations: must name an invocation', { invocations: [] }],
  ['parent: must not be given together', { parent: 'invocations/u-run' }],
  ['predicate: work_units: not supported', { predicate: { workUnits: ['w'] } }],
  ['predicate: artifact_kind: unknown value 9', { predicate: { artifactKind: 9 as Kind } }],
  [
    'predicate: content_type_regexp: not a valid RE2 pattern',
    { predicate: { contentTypeRegexp: '(' } },
  ],
  ['predicate: artifact_id_regexp: must not start', { predicate: { artifactIdRegexp: '^a' } }],
  [
    'predicate: artifact_type_regexp: has 5000',
    { predicate: { artifactTypeRegexp: 'a'.repeat(5000) } },
  ],
  [
    'predicate: test_result_predicate: test_id_regexp',
    { predicate: { testResultPredicate: { testIdRegexp: ')' } } },
  ],
  ['read_mask: no field', { readMask: { paths: ['nothing'] } }],
];

test('a query that cannot be meant is refused', async () => {
  const { query } = await openRun(await openTestPglite());
  for (const [message, request] of REFUSED) {
    const refused = await query(request).catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(message),
    });
  }
});
