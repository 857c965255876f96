/**
 * luci.resultdb.v1.Schemas: the schemes that ids of tests are checked against. They are part of what every
 * client has to know, so any caller who is let in may ask.
 */
import { create } from '@bufbuild/protobuf';
import { CodedError } from '@postlude/queue/foundations';
import {
  type GetSchemaRequest,
  type GetSchemeRequest,
  type Schema,
  SchemaSchema,
  type Schemas as SchemasService,
  type Scheme as SchemeMessage,
  SchemeSchema,
} from '../../gen/luci/resultdb/v1/schema_pb.js';
import type { Scheme, SchemeLevel, Schemes } from '../../results/identity/schemes.ts';
import { invalid } from '../shared/field.ts';
import type { ServiceMethods } from '../shared/service-methods.ts';

const SCHEMA_NAME = 'schema';
const SCHEME_PATTERN = /^schema\/schemes\/([a-z][a-z0-9]{0,19})$/;

export interface SchemasParts {
  readonly schemes: Schemes;
}

export function createSchemas({ schemes }: SchemasParts): ServiceMethods<typeof SchemasService> {
  return {
    get: async (request) => getSchema(schemes, request),
    getScheme: async (request) => getScheme(schemes, request),
  };
}

function getSchema(schemes: Schemes, { name }: GetSchemaRequest): Schema {
  if (name === '') throw invalid('name: unspecified');
  if (name !== SCHEMA_NAME) throw invalid(`name: must be "${SCHEMA_NAME}"`);
  const entries = schemes.list().map((scheme) => [scheme.id, toMessage(scheme)]);
  return create(SchemaSchema, { name, schemes: Object.fromEntries(entries) });
}

function getScheme(schemes: Schemes, { name }: GetSchemeRequest): SchemeMessage {
  if (name === '') throw invalid('name: unspecified');
  const id = SCHEME_PATTERN.exec(name)?.[1];
  if (id === undefined) {
    throw invalid(`name: does not match pattern ${JSON.stringify(SCHEME_PATTERN.source)}`);
  }
  const scheme = schemes.find(id);
  if (scheme === undefined) {
    throw new CodedError('not-found', `scheme with ID ${JSON.stringify(id)} not found`);
  }
  return toMessage(scheme);
}

function toMessage({ case: lowest, coarse, fine, humanReadableName, id }: Scheme): SchemeMessage {
  return create(SchemeSchema, {
    name: `${SCHEMA_NAME}/schemes/${id}`,
    id,
    humanReadableName,
    ...(coarse && { coarse: toLevel(coarse) }),
    ...(fine && { fine: toLevel(fine) }),
    case: toLevel(lowest),
  });
}

function toLevel({ humanReadableName, validationRegexp = '' }: SchemeLevel) {
  return { humanReadableName, validationRegexp };
}
