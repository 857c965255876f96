/** The details of an error, as the header `X-Prpc-Status-Details-Bin` carries them. */
import { create, createRegistry, type DescMessage, toBinary } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { RetryInfoSchema } from '../../gen/google/rpc/error_details_pb.js';
import { ErrorDetailsSchema } from '../../gen/luci/prpc/details_pb.js';
import { encodeMessage } from './codec.ts';
import type { Format } from './format.ts';

export const STATUS_DETAILS_HEADER = 'X-Prpc-Status-Details-Bin';

const KNOWN = createRegistry(RetryInfoSchema, ErrorDetailsSchema);

/** Returns `undefined` if there are none. Clients split the header at its commas, and know no blanks there. */
export function statusDetails({ details }: ConnectError, format: Format): string | undefined {
  const encoded = details
    .map(toAny)
    .filter(({ typeUrl }) => format === 'binary' || KNOWN.getMessage(nameIn(typeUrl)))
    .map((message) => encodeMessage(format, AnySchema, { message, registry: KNOWN }))
    .map((bytes) => Buffer.from(bytes).toString('base64'));
  return encoded.length === 0 ? undefined : encoded.join(',');
}

function toAny(detail: ConnectError['details'][number]): Any {
  const [type, value] =
    'desc' in detail
      ? [detail.desc.typeName, encodeDetail(detail.desc, detail.value)]
      : [detail.type, detail.value];
  return create(AnySchema, { typeUrl: `type.googleapis.com/${type}`, value });
}

function encodeDetail(desc: DescMessage, value: object): Uint8Array {
  return toBinary(desc, create(desc, value as never));
}

function nameIn(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
}

/** The error of a response that its caller does not accept. */
export function responseTooBig(size: number, limit: number): ConnectError {
  const details = create(ErrorDetailsSchema, {
    error: {
      case: 'responseTooBig',
      value: { responseSize: BigInt(size), responseLimit: BigInt(limit) },
    },
  });
  const problem = `prpc: the response size ${size} exceeds the client limit ${limit}`;
  const error = new ConnectError(problem, Code.Unavailable);
  const value = toBinary(ErrorDetailsSchema, details);
  error.details.push({ type: ErrorDetailsSchema.typeName, value });
  return error;
}
