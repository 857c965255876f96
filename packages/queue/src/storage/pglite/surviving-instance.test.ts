import { expect, test } from 'vitest';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { CodedError } from '../../foundations/errors.ts';
import type { PgliteQueries } from './session.ts';
import { type MortalInstance, SurvivingInstance } from './surviving-instance.ts';

/** PGlite as far as it matters here: each statement is a message, and `dies` says which is its last. */
class FakePglite implements MortalInstance {
  readonly messages: string[] = [];
  readonly #dies: string;
  closed = false;

  constructor(dies = '') {
    this.#dies = dies;
  }

  async execProtocol(message: Uint8Array): Promise<unknown> {
    const text = Buffer.from(message).toString();
    this.messages.push(text);
    if (text !== this.#dies) return [];
    const words = 'could not write to file "pg_wal/xlogtemp.42": No space left on device';
    throw Object.assign(new Error(words), { severity: 'PANIC' });
  }

  execProtocolStream(message: Uint8Array): Promise<unknown> {
    return this.execProtocol(message);
  }

  async query(text: string) {
    await this.execProtocolStream(Buffer.from(text));
    return { rows: [], fields: [] };
  }

  async exec(text: string): Promise<unknown> {
    return await this.execProtocol(Buffer.from(text));
  }

  async transaction<T>(fn: (tx: PgliteQueries) => Promise<T>): Promise<T> {
    await this.exec('BEGIN');
    try {
      const value = await fn(this);
      await this.exec('COMMIT');
      return value;
    } catch (error) {
      await this.exec('ROLLBACK');
      throw error;
    }
  }

  async close(): Promise<void> {
    this.closed = true;
  }
}

function survivor(...lives: readonly FakePglite[]) {
  const [first = new FakePglite(), ...others] = lives;
  const log = new RecordingLog();
  const disk = { isFull: false };
  const instance = new SurvivingInstance(first, {
    folder: '/srv/data',
    open: async () => {
      const next = others.shift();
      if (next === undefined) throw new Error('cannot be opened');
      return next;
    },
    requireRoom: () => {
      if (disk.isFull) throw new CodedError('resource-exhausted', 'full', { reason: 'disk-full' });
    },
    log,
  });
  return { instance, disk, log };
}

test('no call is made after PostgreSQL stopped, until the folder is open again', async () => {
  const [first, second] = [new FakePglite('SELECT 1'), new FakePglite()];
  const { instance, disk, log } = survivor(first, second);
  disk.isFull = true;
  const full = { code: 'resource-exhausted', reason: 'disk-full' };
  await expect(instance.transaction((tx) => tx.query('SELECT 1'))).rejects.toMatchObject(full);
  await expect(instance.query('SELECT 2')).rejects.toMatchObject(full);
  expect(first.messages).toEqual(['BEGIN', 'SELECT 1']);

  disk.isFull = false;
  await Promise.all([instance.query('SELECT 3'), instance.exec('SELECT 4')]);
  expect(second.messages).toEqual(['SELECT 3', 'SELECT 4']);
  expect(log.lines.map(({ level }) => level)).toEqual(['error', 'info']);
});

test('an instance that cannot be reopened is tried again with each call', async () => {
  const { instance } = survivor(new FakePglite('SELECT 1'));
  await expect(instance.query('SELECT 1')).rejects.toMatchObject({ code: 'resource-exhausted' });
  await expect(instance.query('SELECT 2')).rejects.toThrow('cannot be opened');
  await expect(instance.query('SELECT 3')).rejects.toThrow('cannot be opened');
});

test('a commit during which PostgreSQL stopped may have landed', async () => {
  const { instance } = survivor(new FakePglite('COMMIT'));
  await expect(instance.transaction((tx) => tx.query('INSERT'))).rejects.toMatchObject({
    code: 'outcome-unknown',
    cause: { code: 'resource-exhausted' },
  });
});

test('close does not touch an instance that has stopped, and opens nothing', async () => {
  const [first, second] = [new FakePglite('SELECT 1'), new FakePglite()];
  const { instance } = survivor(first, second);
  await expect(instance.query('SELECT 1')).rejects.toThrow();
  expect(instance.closed).toBe(true);
  await instance.close();
  await expect(instance.query('SELECT 2')).rejects.toMatchObject({ code: 'failed-precondition' });
  expect([first.closed, second.messages]).toEqual([false, []]);
});
