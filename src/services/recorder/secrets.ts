/**
 * Secrets that the server makes once and keeps in the database, where configuration gives none.
 * All servers on one database have the same.
 */
import type { Clock } from '../../clock.ts';
import { CodedError } from '../../errors.ts';
import { randomHex } from '../../random.ts';
import { bytes, text, timestamp } from '../../storage/column.ts';
import type { Database } from '../../storage/database.ts';
import { table } from '../../storage/table.ts';

/** Signs update tokens; the name it has in LUCI. */
export const UPDATE_TOKEN_SECRET = 'invocation_tokens_secret';

const SECRET_BYTES = 32;

export const secrets = table('secrets', { name: text, secret: bytes, createTime: timestamp }, [
  'name',
]);

/**
 * Those that update tokens are checked by; the first signs. The database's is the last, as long as
 * it has one, so that tokens from before others were configured hold until they end. It is made
 * only where none is configured: whoever keeps secrets elsewhere wants none there.
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

/** The secret of that name; made now if there is none. */
export async function openSecret(db: Database, name: string, clock: Clock): Promise<Uint8Array> {
  const kept = await readSecret(db, name);
  if (kept !== undefined) return kept;
  const secret = Buffer.from(randomHex(SECRET_BYTES), 'hex');
  await db.write((tx) => tx.insertNew(secrets, [{ name, secret, createTime: clock.now() }]));
  // Another server may have been first: what is stored counts.
  const made = await readSecret(db, name);
  if (made === undefined) throw new CodedError('data-loss', `secret ${name} is gone`);
  return made;
}

async function readSecret(db: Database, name: string): Promise<Uint8Array | undefined> {
  const [row] = await db.read((tx) => tx.readKeys(secrets, [{ name }], { secret: bytes }));
  return row?.secret;
}
