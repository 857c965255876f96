import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import type { ArtifactSchema } from '../../gen/luci/resultdb/v1/artifact_pb.js';
import {
  BatchCreateArtifactsRequestSchema,
  FinalizeInvocationRequestSchema,
} from '../../gen/luci/resultdb/v1/recorder_pb.js';
import {
  GetArtifactRequestSchema,
  ListArtifactsRequestSchema,
} from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { realmAuthorizer } from '../shared/permissions.ts';

type ArtifactInit = MessageInitShape<typeof ArtifactSchema>;
type Batch = MessageInitShape<typeof BatchCreateArtifactsRequestSchema>;

const invocation = 'invocations/u-inv';
const result = `${invocation}/tests/a%2Fb/results/r`;
const contents = Buffer.from('hello');

function send(services: Services, batch: Batch, context = services.owner('u-inv')) {
  const request = create(BatchCreateArtifactsRequestSchema, batch);
  return services.recorder.batchCreateArtifacts(request, context);
}

function record(services: Services, ...artifacts: readonly ArtifactInit[]) {
  const requests = artifacts.map((artifact) => ({ artifact }));
  return send(services, { parent: invocation, requests });
}

function get({ resultDb }: Services, name: string) {
  return resultDb.getArtifact(create(GetArtifactRequestSchema, { name }), contextOf(OWNER));
}

async function list(services: Services, parent: string, pageSize = 0): Promise<string[]> {
  const names: string[] = [];
  let pageToken = '';
  do {
    const request = create(ListArtifactsRequestSchema, { parent, pageSize, pageToken });
    const page = await services.resultDb.listArtifacts(request, contextOf(OWNER));
    names.push(...page.artifacts.map(({ name }) => name));
    pageToken = page.nextPageToken;
  } while (pageToken !== '');
  return names;
}

async function opened(db = openTestPglite()): Promise<Services> {
  const services = await openServices(await db);
  await services.create('u-inv');
  return services;
}

eachDatabase((open) => {
  test('artifacts of an invocation and of results are read as they were recorded', async () => {
    const services = await opened(open());
    const log = { artifactId: 'traces/a b.txt', contents, contentType: 'text/plain' };
    const { artifacts } = await send(services, {
      requests: [
        { parent: invocation, artifact: log },
        { parent: result, artifact: { artifactId: '.log', contents, artifactType: 'LOG' } },
      ],
    });
    const [first, second] = [
      `${invocation}/artifacts/traces%2Fa%20b.txt`,
      `${result}/artifacts/.log`,
    ];
    expect(artifacts).toMatchObject([
      { name: first, contentType: 'text/plain', sizeBytes: 5n, hasLines: true, testId: '' },
      {
        name: second,
        artifactId: '.log',
        artifactType: 'LOG',
        hasLines: false,
        testId: 'a/b',
        resultId: 'r',
        testIdStructured: { moduleName: 'legacy', caseName: 'a/b' },
      },
    ]);
    for (const { fetchUrl, fetchUrlExpiration, ...recorded } of artifacts) {
      expect(await get(services, recorded.name)).toMatchObject(recorded);
    }
    expect(await list(services, invocation)).toEqual([first]);
    expect(await list(services, result)).toEqual([second]);
  });

  test('lists page by page, in the order of ids', async () => {
    const services = await opened(open());
    const ids = ['a', 'Z', 'b', 'aé1', '0', '.b', 'a_b', 'a/b'];
    await record(services, ...ids.map((artifactId) => ({ artifactId, contents })));
    await record(services, { artifactId: 'other', testId: 't', resultId: 'r', contents });
    const all = await list(services, invocation);
    expect(all.map((name) => decodeURIComponent(name.split('/')[3] ?? ''))).toEqual(
      ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))),
    );
    expect(await list(services, invocation, 3)).toEqual(all);
    expect(await list(services, invocation, 1)).toEqual(all);
  });

  test('the same content again changes nothing, and another one is refused with its whole batch', async () => {
    const services = await opened(open());
    await record(services, { artifactId: 'a', contents, contentType: 'text/plain' });
    await record(services, { artifactId: 'a', contents }, { artifactId: 'b', contents });
    expect(await get(services, `${invocation}/artifacts/a`)).toMatchObject({
      contentType: 'text/plain',
    });
    const other = { artifactId: 'b', contents: Buffer.from('other') };
    await expect(record(services, { artifactId: 'c', contents }, other)).rejects.toMatchObject({
      code: 'already-exists',
      message: 'artifact "b" exists already, with another content',
    });
    expect(await list(services, invocation)).toHaveLength(2);
  });

  test('of calls at once with different contents, one wins', async () => {
    const services = await opened(open());
    const calls = ['one', 'two', 'one', 'two'].map((text) =>
      record(services, { artifactId: 'a', contents: Buffer.from(text.repeat(text.length)) }),
    );
    const outcomes = (await Promise.allSettled(calls)).map(({ status }) => status);
    expect(outcomes.toSorted()).toEqual(['fulfilled', 'fulfilled', 'rejected', 'rejected']);
    expect(outcomes[0]).toBe(outcomes[2]);
    expect(await list(services, invocation)).toEqual([`${invocation}/artifacts/a`]);
  });
});

test('an empty artifact, and the largest one that is kept in a row', async () => {
  const services = await opened();
  const large = { artifactId: 'large', contents: Buffer.alloc(64 * 1024, 1) };
  const { artifacts } = await record(services, { artifactId: 'empty' }, large);
  expect(artifacts.map(({ sizeBytes }) => sizeBytes)).toEqual([0n, 65_536n]);
});

test('an empty batch is accepted', async () => {
  expect(await send(await opened(), {})).toMatchObject({ artifacts: [] });
});

test('only the holder of the token adds artifacts, while the invocation is ACTIVE', async () => {
  const services = await opened();
  await services.create('u-other');
  const batch = { parent: invocation, requests: [{ artifact: { artifactId: 'a', contents } }] };
  for (const [context, code] of [
    [contextOf(OWNER), 'unauthenticated'],
    [services.owner('u-other'), 'permission-denied'],
  ] as const) {
    await expect(send(services, batch, context)).rejects.toMatchObject({ code });
  }
  const name = create(FinalizeInvocationRequestSchema, { name: invocation });
  await services.recorder.finalizeInvocation(name, services.owner('u-inv'));
  await expect(send(services, batch)).rejects.toMatchObject({ code: 'failed-precondition' });
});

test('reading takes the permissions of artifacts', async () => {
  const authorizer = realmAuthorizer({
    'p:r': {
      'resultdb.invocations.create': ['anyone'],
      'resultdb.artifacts.get': ['user:get@x.org'],
      'resultdb.artifacts.list': ['user:list@x.org'],
    },
  });
  const services = await openServices(await openTestPglite(), { authorizer });
  await services.create('u-inv');
  await record(services, { artifactId: 'a', contents });
  const { resultDb } = services;
  const one = create(GetArtifactRequestSchema, { name: `${invocation}/artifacts/a` });
  const all = create(ListArtifactsRequestSchema, { parent: invocation });
  const [getter, lister] = [contextOf('user:get@x.org'), contextOf('user:list@x.org')];
  await expect(resultDb.getArtifact(one, getter)).resolves.toMatchObject({ artifactId: 'a' });
  await expect(resultDb.listArtifacts(all, lister)).resolves.toMatchObject({ artifacts: [{}] });
  await expect(resultDb.getArtifact(one, lister)).rejects.toThrow('resultdb.artifacts.get');
  await expect(resultDb.listArtifacts(all, getter)).rejects.toThrow('resultdb.artifacts.list');
});

test('an artifact that does not exist is not found', async () => {
  const services = await opened();
  for (const name of [`${invocation}/artifacts/a`, 'invocations/u-none/artifacts/a']) {
    await expect(get(services, name)).rejects.toMatchObject({ code: 'not-found' });
  }
});

test('a read mask chooses fields', async () => {
  const services = await opened();
  await record(services, { artifactId: 'a', contents });
  const masked = (path: string) =>
    services.resultDb.listArtifacts(
      create(ListArtifactsRequestSchema, { parent: invocation, readMask: { paths: [path] } }),
      contextOf(OWNER),
    );
  expect((await masked('size_bytes')).artifacts).toMatchObject([
    { name: `${invocation}/artifacts/a`, sizeBytes: 5n, artifactId: '' },
  ]);
  await expect(masked('nothing')).rejects.toThrow('read_mask: no field "nothing" in Artifact');
});

describe('an artifact is refused', () => {
  const test_ = { testId: 't', resultId: 'r' };
  test.each<[string, ArtifactInit]>([
    ['artifact_id: unspecified', { artifactId: '' }],
    ['artifact_id: longer than 256 characters', { artifactId: 'é'.repeat(257) }],
    ['artifact_id: must begin with', { artifactId: '/etc/passwd' }],
    ['artifact_id: must begin with', { artifactId: '-rf' }],
    ['artifact_id: must end with', { artifactId: 'a/' }],
    ["artifact_id: non-printable rune '\\n' at byte index 1", { artifactId: 'a\nb' }],
    ["artifact_id: non-printable rune '\\x00' at byte index 1", { artifactId: 'a\0b' }],
    ["artifact_id: non-printable rune '\\u202e' at byte index 1", { artifactId: 'a\u202egpj.exe' }],
    ['artifact_id: not in unicode normalized form C', { artifactId: 'e\u0301a' }],
    ['content_type: not a media type', { contentType: 'text' }],
    ['content_type: not a media type', { contentType: 'text/html\r\nset-cookie: a=b' }],
    ['content_type: not a media type', { contentType: 'text/html; charset="a\r\nb"' }],
    ['content_type: has 257 bytes', { contentType: `text/${'a'.repeat(252)}` }],
    ['artifact_type: has 61 bytes', { artifactType: 'a'.repeat(61) }],
    ["artifact_type: non-printable rune '\\t'", { artifactType: 'a\tb' }],
    ['size_bytes: 6 is not the size of the contents: 5', { sizeBytes: 6n }],
    ['size_bytes: must not be negative', { sizeBytes: -1n }],
    ['gcs_uri: not supported', { gcsUri: 'gs://bucket/key' }],
    ['rbe_uri: not supported', { rbeUri: 'bytestream://x' }],
    ['result_id: must not be empty', { ...test_, resultId: '' }],
    ['result_id: does not match', { ...test_, resultId: 'A' }],
    ['test_id_structured: unspecified', { ...test_, testId: '' }],
    ['test_id: case_name', { ...test_, testId: 'a'.repeat(513) }],
  ])('%s', async (message, init) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    const refused = record(services, { artifactId: 'a', contents, ...init });
    await expect(refused).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringMatching(/^requests\[0\]: artifact: /),
    });
    await expect(refused).rejects.toThrow(message);
  });
});

describe('a batch of artifacts is refused', () => {
  const artifact = { artifactId: 'a', contents };
  const big = { contents: Buffer.alloc(65_000) };
  test.each<[string, Batch]>([
    ['parent: not the name of an invocation', { parent: 'u-inv' }],
    ['parent: must be the name of an invocation', { parent: result }],
    ['requests[0]: parent: unspecified', { requests: [{ artifact }] }],
    ['requests[0]: artifact: unspecified', { requests: [{ parent: invocation }] }],
    [
      'requests[1]: parent: only one invocation is allowed: invocations/u-inv',
      { requests: [invocation, 'invocations/u-b'].map((parent) => ({ parent, artifact })) },
    ],
    [
      `requests[1]: the same as requests[0]: ${invocation}/artifacts/a`,
      { parent: invocation, requests: [{ artifact }, { parent: invocation, artifact }] },
    ],
    [
      'requests[0]: artifact: test_id, test_id_structured and result_id: the parent says it already',
      { requests: [{ parent: result, artifact: { ...artifact, resultId: 'r' } }] },
    ],
    [
      'requests: 501 requests in a batch; at most 500 are allowed',
      { parent: invocation, requests: Array.from({ length: 501 }, () => ({ artifact })) },
    ],
    [
      'requests: contents have 10530000 bytes; at most 10485760 are allowed',
      {
        parent: invocation,
        requests: Array.from({ length: 162 }, (_, i) => ({
          artifact: { ...big, artifactId: `${i}` },
        })),
      },
    ],
  ])('%s', async (message, batch) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(send(services, batch)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(send(services, batch)).rejects.toThrow(message);
  });
});
