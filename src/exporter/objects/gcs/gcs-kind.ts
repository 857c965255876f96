/** The kind of sink that writes to Google Cloud Storage. */
import { loadOptional } from '@postlude/queue/foundations';
import { DUCKDB } from '../../parquet/duckdb.ts';
import { sinkKind } from '../../sinks/sink-kind.ts';
import { optional, text, url } from '../../sinks/sink-options.ts';
import { keyPrefix } from '../key-prefix.ts';
import { ObjectSink } from '../object-sink.ts';
import { Spool } from '../spool.ts';
import { GcsStore } from './gcs-store.ts';

/** The package that finds the credentials of this machine. */
const GOOGLE_AUTH = { name: 'google-auth-library', for: 'exporting to Google Cloud Storage' };
const ENDPOINT = 'https://storage.googleapis.com';
const SCOPES = ['https://www.googleapis.com/auth/devstorage.read_write'];

export const gcsKind = sinkKind({
  options: {
    bucket: text('The bucket, which must exist.', 'name'),
    prefix: optional(keyPrefix('What all keys begin with.'), ''),
    endpoint: optional(url('The address of an emulator; it gets no credentials.')),
  },
  packages: [DUCKDB, GOOGLE_AUTH],
  open: async ({ bucket, prefix, endpoint }, { clock, log, scratch }) => {
    const authorize = endpoint === undefined ? await googleCredentials() : async () => ({});
    const store = new GcsStore({ endpoint: endpoint ?? ENDPOINT, bucket, authorize, clock });
    return new ObjectSink({ store, spool: await Spool.open(scratch), clock, log, prefix });
  },
});

/** Tokens are renewed before they expire. */
async function googleCredentials(): Promise<() => Promise<Readonly<Record<string, string>>>> {
  const { GoogleAuth } = await loadOptional(GOOGLE_AUTH, () => import('google-auth-library'));
  const auth = new GoogleAuth({ scopes: SCOPES });
  return async () => Object.fromEntries(await auth.getRequestHeaders(ENDPOINT));
}
