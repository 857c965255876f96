import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../../test/support/server/rpc-services.ts';
import {
  Invocation_State,
  type InvocationSchema,
} from '../../../gen/luci/resultdb/v1/invocation_pb.js';
import {
  BatchCreateTestResultsRequestSchema,
  CreateInvocationRequestSchema,
  UpdateInvocationRequestSchema,
} from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { GetInvocationRequestSchema } from '../../../gen/luci/resultdb/v1/resultdb_pb.js';
import { type Authorizer, allowAll } from '../../shared/permissions.ts';

type InvocationInit = Exclude<MessageInitShape<typeof InvocationSchema>, { $typeName: string }>;

const NAME = 'invocations/u-inv';
const COMMIT = {
  host: 'example.googlesource.com',
  project: 'a/b',
  ref: 'refs/heads/main',
  commitHash: '0'.repeat(40),
  position: 7n,
};
const CHANGE = { host: 'example.com', project: 'a', change: 2n, patchset: 1n };
const MODULE = { moduleName: 'm', moduleScheme: 'flat', moduleVariant: { def: { os: 'linux' } } };
const INSTRUCTION = { id: 'i', type: 1, targetedInstructions: [{ targets: [1], content: 'c' }] };
const TYPED = { '@type': 'example.com/a.B' };

function sources(init: object = {}) {
  const baseSources = { case: 'gitilesCommit' as const, value: COMMIT };
  return { sourceSpec: { sources: { baseSources, changelists: [CHANGE], ...init } } };
}

function createInvocation(services: Services, init: InvocationInit) {
  const invocation = { realm: 'p:r', ...init };
  const request = { invocationId: 'u-inv', invocation };
  return services.recorder.createInvocation(
    create(CreateInvocationRequestSchema, request),
    contextOf(OWNER),
  );
}

function update(services: Services, init: InvocationInit, ...paths: readonly string[]) {
  const invocation = { name: NAME, ...init };
  return services.recorder.updateInvocation(
    create(UpdateInvocationRequestSchema, { invocation, updateMask: { paths: [...paths] } }),
    services.owner('u-inv'),
  );
}

function read(services: Services) {
  const request = create(GetInvocationRequestSchema, { name: NAME });
  return services.resultDb.getInvocation(request, contextOf(OWNER));
}

function record(services: Services, ...results: readonly object[]) {
  const requests = results.map((given, index) => ({
    testResult: { resultId: `${index}`, statusV2: 1, ...given },
  }));
  const request = { invocation: NAME, requests };
  return services.recorder.batchCreateTestResults(
    create(BatchCreateTestResultsRequestSchema, request),
    services.owner('u-inv'),
  );
}

describe('an invocation is refused', () => {
  test.each<[string, InvocationInit]>([
    ['module_id: module_name: unspecified', { moduleId: {} }],
    [
      'module_id: module_scheme: scheme "nosuch" is not a known scheme',
      { moduleId: { ...MODULE, moduleScheme: 'nosuch' } },
    ],
    [
      'source_spec: only one of inherit and sources may be set',
      { sourceSpec: { ...sources().sourceSpec, inherit: true } },
    ],
    ['source_spec: sources: gitiles_commit: unspecified', { sourceSpec: { sources: {} } }],
    [
      'source_spec: sources: gitiles_commit: ref: does not match refs/.*',
      sources({ baseSources: { case: 'gitilesCommit', value: { ...COMMIT, ref: 'main' } } }),
    ],
    [
      'source_spec: sources: changelists[1]: duplicate change modulo patchset number; same change at changelists[0]',
      sources({ changelists: [CHANGE, { ...CHANGE, patchset: 2n }] }),
    ],
    ['baseline_id: does not match pattern', { baselineId: 'try' }],
    [
      'instructions: instructions[1]: id: "i" is re-used at index 0',
      { instructions: { instructions: [INSTRUCTION, INSTRUCTION] } },
    ],
    [
      'instructions: instructions[0]: targeted_instructions[0]: targets: empty',
      { instructions: { instructions: [{ ...INSTRUCTION, targetedInstructions: [{}] }] } },
    ],
    ['extended_properties: key "A": does not match pattern', { extendedProperties: { A: TYPED } }],
    [
      'extended_properties: ["a"]: must have a field "@type"',
      { extendedProperties: { a: { b: 1 } } },
    ],
  ])('%s', async (message, init) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(createInvocation(services, init)).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`invocation: ${message}`),
    });
  });
});

eachDatabase((open) => {
  test('an invocation keeps the fields that it was created with', async () => {
    const services = await openServices(await open());
    const init = {
      moduleId: MODULE,
      ...sources(),
      isSourceSpecFinal: true,
      baselineId: 'try:linux-rel',
      isExportRoot: true,
      extendedProperties: { a: TYPED },
      instructions: { instructions: [INSTRUCTION] },
    };
    const created = await createInvocation(services, init);
    expect(created).toMatchObject({
      ...init,
      moduleId: { ...MODULE, moduleVariantHash: 'f334f047f88eb721' },
      instructions: { instructions: [{ ...INSTRUCTION, name: `${NAME}/instructions/i` }] },
      TestResultVariantUnion: { def: {} },
    });
    expect(await read(services)).toEqual(created);
  });

  test('a mask names what an update changes, and * everything that is set', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const tags = [{ key: 'a', value: 'b' }];
    const both = { tags, properties: { a: 1 }, baselineId: 'try:x', realm: 'p:other' };
    expect(await update(services, both, 'tags', 'realm')).toMatchObject({
      tags,
      realm: 'p:other',
      baselineId: '',
    });
    expect(await update(services, { properties: { a: 1 } }, '*')).toMatchObject({
      tags,
      properties: { a: 1 },
    });
    expect(await update(services, {}, 'tags', 'properties')).toMatchObject({ tags: [] });
    expect(await read(services)).not.toHaveProperty('properties');
  });

  test('an extended property is set or deleted by its key', async () => {
    const services = await openServices(await open());
    const instructions = { instructions: [INSTRUCTION] };
    await createInvocation(services, { extendedProperties: { a: TYPED, b: TYPED }, instructions });
    const given = { extendedProperties: { c: TYPED } };
    const changed = await update(services, given, 'extended_properties.a', 'extended_properties.c');
    expect(Object.keys(changed.extendedProperties).sort()).toEqual(['b', 'c']);
    const replaced = await update(services, given, 'extended_properties');
    expect(Object.keys(replaced.extendedProperties)).toEqual(['c']);
    expect(replaced).toMatchObject({ instructions });
  });

  test('a module is set once', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    await update(services, { moduleId: MODULE }, 'module_id');
    await update(services, { moduleId: MODULE }, 'module_id');
    for (const moduleId of [{ ...MODULE, moduleName: 'n' }, undefined]) {
      await expect(update(services, moduleId ? { moduleId } : {}, 'module_id')).rejects.toThrow(
        'invocation: module_id: cannot modify module_id once set',
      );
    }
  });

  test('results of other modules are refused, and none of a batch with one is recorded', async () => {
    const services = await openServices(await open());
    await createInvocation(services, { moduleId: MODULE });
    const same = { testId: ':m!flat::#x', variant: { def: { os: 'linux' } } };
    for (const [other, what] of [
      [{ testId: 'x' }, 'module_name: does not match parent invocation module_id.module_name'],
      [{ testId: ':m!gtest::S#x' }, 'module_scheme: does not match parent invocation'],
      [{ ...same, variant: {} }, 'module_variant: does not match parent invocation'],
    ] as const) {
      await expect(record(services, same, other)).rejects.toMatchObject({
        code: 'failed-precondition',
        message: expect.stringContaining(`requests[1]: test_result: test_id_structured: ${what}`),
      });
    }
    await record(services, same);
  });

  test('sources stay as they are once they are final', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const final = { sourceSpec: { inherit: true }, isSourceSpecFinal: true };
    await update(services, final, 'source_spec', 'is_source_spec_final');
    await update(services, final, 'source_spec', 'is_source_spec_final');
    await expect(update(services, sources(), 'source_spec')).rejects.toThrow(
      'invocation: source_spec: cannot modify already finalized sources',
    );
    await expect(update(services, {}, 'is_source_spec_final')).rejects.toThrow(
      'is_source_spec_final: cannot unfinalize already finalized sources',
    );
  });

  test('the state FINALIZING finalizes, and ACTIVE changes nothing', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const { ACTIVE, FINALIZED, FINALIZING } = Invocation_State;
    expect(await update(services, { state: ACTIVE }, 'state')).toMatchObject({ state: ACTIVE });
    await expect(update(services, { state: FINALIZED }, 'state')).rejects.toThrow(
      'invocation: state: must be FINALIZING or ACTIVE',
    );
    expect(await update(services, { state: FINALIZING }, 'state')).toMatchObject({
      state: FINALIZING,
      finalizeStartTime: expect.anything(),
    });
  });

  test('a baseline without its permission is left out, and other rights are required', async () => {
    const denied = new Set(['resultdb.baselines.put']);
    const authorizer: Authorizer = {
      isAllowed: (_caller, permission) => !denied.has(permission),
    };
    const services = await openServices(await open(), { authorizer });
    expect(await createInvocation(services, { baselineId: 'try:x' })).toMatchObject({
      baselineId: '',
    });
    expect(await update(services, { baselineId: 'try:x' }, 'baseline_id')).toMatchObject({
      baselineId: '',
    });
    denied.add('resultdb.invocations.include');
    await expect(update(services, { realm: 'p:other' }, 'realm')).rejects.toMatchObject({
      code: 'permission-denied',
    });
    await expect(update(services, { realm: 'q:r' }, 'realm')).rejects.toThrow(
      'cannot change invocation realm to outside project "p"',
    );
  });

  test('the union of variants has one value of each key of its own results', async () => {
    const services = await openServices(await open(), { authorizer: allowAll });
    await services.create('u-inv');
    await record(services, { testId: 'a', variant: { def: { os: 'linux' } } }, { testId: 'b' });
    await record(services, { testId: 'a', variant: { def: { os: 'mac', gpu: 'x' } } });
    expect(await read(services)).toMatchObject({
      TestResultVariantUnion: { def: { os: 'linux', gpu: 'x' } },
    });
  });
});
