import { create, createFileRegistry } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { contextOf } from '../../../test/support/server/rpc-services.ts';
import { Discovery, VoidSchema } from '../../gen/discovery/service_pb.js';
import { Recorder } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { createDiscovery } from './service.ts';

test('describes the services so that a client can call them', async () => {
  const discovery = createDiscovery([Recorder, Discovery]);
  const { description, services } = await discovery.describe(create(VoidSchema), contextOf('a:b'));
  expect(services).toEqual(['discovery.Discovery', 'luci.resultdb.v1.Recorder']);
  // Fails unless each file comes after those that it imports.
  const registry = createFileRegistry(description ?? expect.fail('there is no description'));
  const method = registry.getService('luci.resultdb.v1.Recorder')?.method.createInvocation;
  expect(method?.input.fields.map(({ name }) => name)).toEqual(
    Recorder.method.createInvocation.input.fields.map(({ name }) => name),
  );
});
