import { create, toJson } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { contextOf } from '../../../test/support/server/rpc-services.ts';
import {
  GetSchemaRequestSchema,
  GetSchemeRequestSchema,
  SchemeSchema,
} from '../../gen/luci/resultdb/v1/schema_pb.js';
import { Schemes } from '../../results/identity/schemes.ts';
import { createSchemas } from './service.ts';

const schemas = createSchemas({ schemes: new Schemes() });
const context = contextOf('user:somebody@example.com');

test('all schemes are returned by their ids', async () => {
  const schema = await schemas.get(create(GetSchemaRequestSchema, { name: 'schema' }), context);
  expect(Object.keys(schema.schemes)).toEqual(['flat', 'gtest', 'junit', 'legacy']);
});

test('a scheme says which levels ids have', async () => {
  const request = create(GetSchemeRequestSchema, { name: 'schema/schemes/gtest' });
  expect(toJson(SchemeSchema, await schemas.getScheme(request, context))).toEqual({
    name: 'schema/schemes/gtest',
    id: 'gtest',
    humanReadableName: 'GTest',
    fine: { humanReadableName: 'Suite', validationRegexp: '^[^_]+$' },
    case: { humanReadableName: 'Method' },
  });
});

test.each([
  ['', 'invalid-argument', 'name: unspecified'],
  ['junit', 'invalid-argument', 'name: does not match pattern'],
  ['schema/schemes/nosuch', 'not-found', 'scheme with ID "nosuch" not found'],
])('there is no scheme %j', async (name, code, message) => {
  const request = create(GetSchemeRequestSchema, { name });
  await expect(schemas.getScheme(request, context)).rejects.toMatchObject({
    code,
    message: expect.stringContaining(message),
  });
});

test.each(['', 'schemas'])('there is no schema %j', async (name) => {
  await expect(schemas.get(create(GetSchemaRequestSchema, { name }), context)).rejects.toThrow(
    'name: ',
  );
});
