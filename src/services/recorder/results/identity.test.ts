import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../../test/support/server/rpc-services.ts';
import type { TestIdentifierSchema } from '../../../gen/luci/resultdb/v1/common_pb.js';
import {
  CreateTestExonerationRequestSchema,
  CreateTestResultRequestSchema,
} from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { GetTestResultRequestSchema } from '../../../gen/luci/resultdb/v1/resultdb_pb.js';
import { type TestResultSchema, TestStatus } from '../../../gen/luci/resultdb/v1/test_result_pb.js';

const LINUX = { def: { os: 'linux' } };
const HASH = 'f334f047f88eb721';
const ID: MessageInitShape<typeof TestIdentifierSchema> = {
  moduleName: 'mod',
  moduleScheme: 'junit',
  moduleVariant: LINUX,
  coarseName: 'pkg',
  fineName: 'Cls',
  caseName: 'meth',
};
const NAME = 'invocations/u-inv/tests/:mod%21junit:pkg:Cls%23meth';

function record(services: Services, init: MessageInitShape<typeof TestResultSchema>) {
  const testResult = { resultId: 'r', status: TestStatus.PASS, expected: true, ...init };
  return services.recorder.createTestResult(
    create(CreateTestResultRequestSchema, { invocation: 'invocations/u-inv', testResult }),
    services.owner('u-inv'),
  );
}

describe('an id is refused', () => {
  test.each<[string, Partial<typeof ID>]>([
    ['case_name: unspecified', { caseName: '' }],
    ['module_scheme: unspecified', { moduleScheme: '' }],
    ['module_variant: "A":"x": key: does not match', { moduleVariant: { def: { A: 'x' } } }],
    [
      `module_variant_hash: expected ${HASH} (to match module_variant) or for value to be unset`,
      { moduleVariantHash: '0123456789abcdef' },
    ],
    ['module_scheme: scheme "nosuch" is not a known scheme', { moduleScheme: 'nosuch' }],
    ['coarse_name: required, please set a Package (scheme "junit")', { coarseName: '' }],
  ])('%s', async (message, init) => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    const refused = record(services, { testIdStructured: { ...ID, ...init } });
    await expect(refused).rejects.toMatchObject({
      code: 'invalid-argument',
      message: expect.stringContaining(`test_result: test_id_structured: ${message}`),
    });
  });

  test('if its flat form does not keep to its scheme', async () => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    await expect(record(services, { testId: ':mod!junit::Cls#meth' })).rejects.toThrow(
      'test_result: test_id: coarse_name: required, please set a Package (scheme "junit")',
    );
  });

  test('if its module has no variant', async () => {
    const services = await openServices(await openTestPglite({ migrated: false }));
    const { moduleVariant: _, ...id } = ID;
    await expect(record(services, { testIdStructured: id })).rejects.toThrow(
      'test_result: test_id_structured: module_variant: unspecified',
    );
  });
});

eachDatabase((open) => {
  test.each([
    ['its parts', { testIdStructured: ID }],
    ['its flat form', { testId: ':mod!junit:pkg:Cls#meth', variant: LINUX }],
  ])('the id of a result that is recorded by %s is read in all forms', async (_what, given) => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const recorded = await record(services, given);
    expect(recorded).toMatchObject({
      name: `${NAME}/results/r`,
      testId: ':mod!junit:pkg:Cls#meth',
      variant: LINUX,
      variantHash: HASH,
      testIdStructured: { ...ID, moduleVariantHash: HASH },
    });
    const request = create(GetTestResultRequestSchema, { name: recorded.name });
    expect(await services.resultDb.getTestResult(request, contextOf(OWNER))).toEqual(recorded);
  });

  test('a plain id is a case of the legacy module', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const recorded = await record(services, { testId: 'a/b', variant: LINUX });
    const legacy = { moduleName: 'legacy', moduleScheme: 'legacy', caseName: 'a/b' };
    expect(recorded.testIdStructured).toMatchObject({ ...legacy, moduleVariant: LINUX });
    const same = { ...legacy, moduleVariant: LINUX };
    expect(await record(services, { testIdStructured: same })).toEqual(recorded);
  });

  test('a missing variant is missing in the response, and empty when it is read', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const recorded = await record(services, { testId: 'a/b' });
    expect(recorded.variant).toBeUndefined();
    expect(recorded.testIdStructured?.moduleVariant).toBeUndefined();
    const request = create(GetTestResultRequestSchema, { name: recorded.name });
    const read = await services.resultDb.getTestResult(request, contextOf(OWNER));
    expect(read).toMatchObject({ variant: { def: {} }, testIdStructured: { moduleVariant: {} } });
  });

  test('an exoneration takes the parts of an id, too', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const exoneration = await services.recorder.createTestExoneration(
      create(CreateTestExonerationRequestSchema, {
        invocation: 'invocations/u-inv',
        testExoneration: { testIdStructured: ID, explanationHtml: 'known', reason: 1 },
      }),
      services.owner('u-inv'),
    );
    expect(exoneration).toMatchObject({
      name: expect.stringContaining(`${NAME}/exonerations/${HASH}:r:`),
      variantHash: HASH,
      testIdStructured: { ...ID, moduleVariantHash: HASH },
    });
  });
});
