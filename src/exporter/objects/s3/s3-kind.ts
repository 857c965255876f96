/** The kind of sink that writes to S3, and to everything that speaks its protocol. */

import { ObjectContents } from '../../contents/object-contents.ts';
import { DUCKDB } from '../../parquet/duckdb.ts';
import { sinkKind } from '../../sinks/sink-kind.ts';
import { flag, type OptionValues, optional, text, url } from '../../sinks/sink-options.ts';
import { keyPrefix } from '../key-prefix.ts';
import { ObjectSink } from '../object-sink.ts';
import { Spool } from '../spool.ts';
import { loadS3, S3_PACKAGE } from './s3-library.ts';
import { S3Store } from './s3-store.ts';

/** A silent service must not hold an export for ever; a part takes seconds. */
const CONNECT_MS = 10_000;
const SILENCE_MS = 60_000;
const REQUEST_MS = 300_000;
const ATTEMPTS = 5;

const options = {
  bucket: text('The bucket, which must exist.', 'name'),
  prefix: optional(keyPrefix('What all keys begin with.'), ''),
  region: optional(
    text('The region of the bucket; by default that of the environment (AWS_REGION).', 'name'),
  ),
  endpoint: optional(url('The address of a service other than AWS, such as MinIO or R2.')),
  pathStyle: optional(
    flag(
      'Whether the bucket is part of the path instead of the host; by default if there is an endpoint.',
    ),
  ),
};

export const s3Kind = sinkKind({
  options,
  packages: [DUCKDB, S3_PACKAGE],
  contents: {
    packages: [S3_PACKAGE],
    open: async (given) => new ObjectContents(await openStore(given), given.prefix),
  },
  open: async (given, { clock, log, scratch }) => {
    const spool = await Spool.open(scratch);
    const store = await openStore(given);
    return new ObjectSink({ store, spool, clock, log, prefix: given.prefix });
  },
});

async function openStore({
  bucket,
  region,
  endpoint,
  pathStyle,
}: OptionValues<typeof options>): Promise<S3Store> {
  const library = await loadS3();
  const client = new library.S3Client({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    forcePathStyle: pathStyle ?? endpoint !== undefined,
    maxAttempts: ATTEMPTS,
    requestHandler: {
      connectionTimeout: CONNECT_MS,
      socketTimeout: SILENCE_MS,
      requestTimeout: REQUEST_MS,
      throwOnRequestTimeout: true,
    },
  });
  return new S3Store({ library, client, bucket });
}
