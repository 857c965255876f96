import { expect, test } from 'vitest';
import { eachDatabase } from '../testing/databases.ts';
import { FakeClock } from '../testing/fake-clock.ts';
import { openSecret } from './secrets.ts';

eachDatabase((open) => {
  test('a secret is made once', async () => {
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
});
