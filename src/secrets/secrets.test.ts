import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../test/support/databases/databases.ts';
import { openSecret, updateTokenSecrets } from './secrets.ts';

eachDatabase((open) => {
  test('a secret is generated once', async () => {
    const db = await open();
    const made = await openSecret(db, 'a', new FakeClock());
    expect(made.length).toBe(32);
    expect(await openSecret(db, 'a', new FakeClock())).toEqual(made);
  });

  test('servers that start together agree on it', async () => {
    const db = await open();
    const opened = await Promise.all([1, 2, 3].map(() => openSecret(db, 'a', new FakeClock())));
    expect(new Set(opened.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1);
  });

  test('each name has a secret of its own', async () => {
    const db = await open();
    const [a, b] = [
      await openSecret(db, 'a', new FakeClock()),
      await openSecret(db, 'b', new FakeClock()),
    ];
    expect(a).not.toEqual(b);
  });

  test('without configured secrets, the database’s secret signs update tokens', async () => {
    const db = await open();
    const [made, ...others] = await updateTokenSecrets(db, [], new FakeClock());
    expect([made.length, others]).toEqual([32, []]);
    expect(await updateTokenSecrets(db, [], new FakeClock())).toEqual([made]);
  });

  test('configured secrets come first and the database’s last; none is generated if there are some', async () => {
    const db = await open();
    const configured = [Buffer.from('new'), Buffer.from('older')];
    expect(await updateTokenSecrets(db, configured, new FakeClock())).toEqual(configured);
    const [kept] = await updateTokenSecrets(db, [], new FakeClock());
    const all = [...configured, kept];
    expect(await updateTokenSecrets(db, configured, new FakeClock())).toEqual(all);
  });
});
