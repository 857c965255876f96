import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase, openTestPglite } from '../../../../test/support/databases/databases.ts';
import { contextOf, OWNER, openServices } from '../../../../test/support/server/rpc-services.ts';
import { CreateTestResultRequestSchema } from '../../../gen/luci/resultdb/v1/recorder_pb.js';
import { GetTestResultRequestSchema } from '../../../gen/luci/resultdb/v1/resultdb_pb.js';
import type { TestMetadataSchema } from '../../../gen/luci/resultdb/v1/test_metadata_pb.js';

type MetadataInit = MessageInitShape<typeof TestMetadataSchema>;
type Services = Awaited<ReturnType<typeof openServices>>;

function record(services: Services, testMetadata: MetadataInit) {
  const testResult = { testId: 't', resultId: 'r', statusV2: 1, variant: {}, testMetadata };
  return services.recorder.createTestResult(
    create(CreateTestResultRequestSchema, { invocation: 'invocations/u-inv', testResult }),
    services.owner('u-inv'),
  );
}

function monorail(project: string, value: string): MetadataInit {
  return { bugComponent: { system: { case: 'monorail', value: { project, value } } } };
}

test.each<[string, MetadataInit]>([
  ['bug_component: bug system is required for bug components', { bugComponent: {} }],
  [
    'bug_component: issue_tracker.component_id: is invalid',
    { bugComponent: { system: { case: 'issueTracker', value: {} } } },
  ],
  ['bug_component: monorail.project: is invalid', monorail('1', 'Infra')],
  ['bug_component: monorail.value: is invalid', monorail('chromium', 'Infra>')],
  ['properties_schema: may not be set', { propertiesSchema: 'a.B' }],
  ['properties: exceeds the maximum size of 4096 bytes', { properties: { a: 'x'.repeat(4096) } }],
  ['previous_test_id: non-printable rune', { previousTestId: 'a\n' }],
])('metadata is refused: %s', async (message, init) => {
  const services = await openServices(await openTestPglite({ migrated: false }));
  await expect(record(services, init)).rejects.toMatchObject({
    code: 'invalid-argument',
    message: expect.stringContaining(`test_result: test_metadata: ${message}`),
  });
});

eachDatabase((open) => {
  test('metadata is read as it was recorded', async () => {
    const services = await openServices(await open());
    await services.create('u-inv');
    const metadata = {
      ...monorail('chromium', 'Infra>Client-1'),
      properties: { '@type': 'example.com/a.B', deep: [null] },
      previousTestId: ':m!flat::#old',
    };
    const recorded = await record(services, metadata);
    expect(recorded).toMatchObject({ testMetadata: metadata });
    const request = create(GetTestResultRequestSchema, { name: recorded.name });
    expect(await services.resultDb.getTestResult(request, contextOf(OWNER))).toEqual(recorded);
  });
});
