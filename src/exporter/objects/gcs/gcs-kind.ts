/** The kind of sink that writes to Google Cloud Storage. */
import { type Clock, loadOptional } from '@postlude/queue/foundations';
import { ObjectContents } from '../../contents/object-contents.ts';
import { DUCKDB } from '../../parquet/duckdb.ts';
import { sinkKind } from '../../sinks/sink-kind.ts';
import { type OptionValues, optional, text, url } from '../../sinks/sink-options.ts';
import { keyPrefix } from '../key-prefix.ts';
import { ObjectSink } from '../object-sink.ts';
import { Spool } from '../spool.ts';
import { GcsStore } from './gcs-store.ts';

/** The package that finds the credentials of this machine. */
const GOOGLE_AUTH = { name: 'google-auth-library', for: 'exporting to Google Cloud Storage' };
const ENDPOINT = 'https://storage.googleapis.com';
const SCOPES = ['https://www.googleapis.com/auth/devstorage.read_write'];

const options = {
  bucket: text('The bucket, which must exist.', 'name'),
  prefix: optional(keyPrefix('What all keys begin with.'), ''),
  endpoint: optional(url('The address of an emulator; it gets no credentials.')),
};

export const gcsKind = sinkKind({
  options,
  packages: [DUCKDB, GOOGLE_AUTH],
  contents: {
    packages: [GOOGLE_AUTH],
    open: async (given, { clock }) =>
      new ObjectContents(await openStore(given, clock), given.prefix),
  },
  open: async (given, { clock, log, scratch }) => {
    const store = await openStore(given, clock);
    const spool = await Spool.open(scratch);
    return new ObjectSink({ store, spool, clock, log, prefix: given.prefix });
  },
});

async function openStore(
  { bucket, endpoint }: OptionValues<typeof options>,
  clock: Clock,
): Promise<GcsStore> {
  const authorize = endpoint === undefined ? await googleCredentials() : async () => ({});
  return new GcsStore({ endpoint: endpoint ?? ENDPOINT, bucket, authorize, clock });
}

/** Tokens are renewed before they expire. */
async function googleCredentials(): Promise<() => Promise<Readonly<Record<string, string>>>> {
  const { GoogleAuth } = await loadOptional(GOOGLE_AUTH, () => import('google-auth-library'));
  const auth = new GoogleAuth({ scopes: SCOPES });
  return async () => Object.fromEntries(await auth.getRequestHeaders(ENDPOINT));
}
