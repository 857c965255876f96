/**
 * Secrets that the server generates once and keeps in the database if the configuration has none.
 * All servers on one database share them.
 */
import type { Clock } from '@postlude/queue/foundations';
import { CodedError, randomHex } from '@postlude/queue/foundations';
import type { Database } from '@postlude/queue/storage';
import { bytes, table, text, timestamp } from '@postlude/queue/storage';

/** The name of the secret that signs update tokens; LUCI uses the same name. */
export const UPDATE_TOKEN_SECRET = 'invocation_tokens_secret';

const SECRET_BYTES = 32;

export const secrets = table('secrets', { name: text, secret: bytes, createTime: timestamp }, [
  'name',
]);

/**
 * Returns the secrets that verify update tokens; the first one signs. If the database has a secret, it
 * comes last, so that tokens issued before others were configured stay valid until they expire. The
 * database's secret is generated only if none is configured: operators who keep secrets elsewhere want
 * none there.
 */
export async function updateTokenSecrets(
  db: Database,
  configured: readonly Uint8Array[],
  clock: Clock,
): Promise<readonly [Uint8Array, ...Uint8Array[]]> {
  const [first, ...others] = configured;
  if (first === undefined) return [await openSecret(db, UPDATE_TOKEN_SECRET, clock)];
  const kept = await readSecret(db, UPDATE_TOKEN_SECRET);
  return [first, ...others, ...(kept === undefined ? [] : [kept])];
}

/** Returns the secret of that name, and generates it if it does not exist. */
export async function openSecret(db: Database, name: string, clock: Clock): Promise<Uint8Array> {
  const kept = await readSecret(db, name);
  if (kept !== undefined) return kept;
  const secret = Buffer.from(randomHex(SECRET_BYTES), 'hex');
  await db.write((tx) => tx.insertNew(secrets, [{ name, secret, createTime: clock.now() }]));
  // Another server may have been first: the stored secret is the valid one.
  const made = await readSecret(db, name);
  if (made === undefined) throw new CodedError('data-loss', `secret ${name} is gone`);
  return made;
}

async function readSecret(db: Database, name: string): Promise<Uint8Array | undefined> {
  const [row] = await db.read((tx) => tx.readKeys(secrets, [{ name }], { secret: bytes }));
  return row?.secret;
}
