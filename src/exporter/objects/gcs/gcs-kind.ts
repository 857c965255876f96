/** The kind of sink that writes to Google Cloud Storage. */
import { DUCKDB } from '../../parquet/duckdb.ts';
import { sinkKind } from '../../sinks/sink-kind.ts';
import { optional, text, url } from '../../sinks/sink-options.ts';
import { keyPrefix } from '../key-prefix.ts';
import { ObjectSink } from '../object-sink.ts';
import { Spool } from '../spool.ts';
import { GCS_PACKAGE, loadGcs } from './gcs-library.ts';
import { GcsStore } from './gcs-store.ts';

/** A silent service must not hold an export for ever. */
const REQUEST_MS = 60_000;

export const gcsKind = sinkKind({
  options: {
    bucket: text('The bucket, which must exist.', 'name'),
    prefix: optional(keyPrefix('What all keys begin with.'), ''),
    endpoint: optional(url('The address of an emulator; it gets no credentials.')),
  },
  packages: [DUCKDB, GCS_PACKAGE],
  open: async ({ bucket, prefix, endpoint }, { clock, log, scratch }) => {
    const { Storage, CRC32C, IdempotencyStrategy } = await loadGcs();
    const storage = new Storage({
      ...(endpoint === undefined ? {} : { apiEndpoint: endpoint, projectId: 'emulated' }),
      timeout: REQUEST_MS,
      retryOptions: { idempotencyStrategy: IdempotencyStrategy.RetryAlways },
    });
    const store = new GcsStore(storage.bucket(bucket), {
      endpoint: storage.apiEndpoint,
      bucket,
      authorize: async () => {
        if (endpoint !== undefined) return {};
        return Object.fromEntries(await storage.authClient.getRequestHeaders());
      },
      checksumOf: async (path) => (await CRC32C.fromFile(path)).toString(),
      clock,
    });
    return new ObjectSink({ store, spool: await Spool.open(scratch), clock, log, prefix });
  },
});
