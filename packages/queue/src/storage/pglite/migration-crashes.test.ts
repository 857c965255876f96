/**
 * A process dies at any statement of a migration, from each older schema on. Then the schema is as it
 * was, or as the whole migration makes it, and the next migration of the database reaches the newest.
 */
import { PGlite } from '@electric-sql/pglite';
import { expect, onTestFinished, test } from 'vitest';
import { POSTLUDE_MIGRATIONS } from '../../../../../src/migrations/migrations.ts';
import { loadMigrations } from '../migrations.ts';
import { fromPglite } from './database.ts';
import type { PgliteLike, PgliteQueries } from './session.ts';

interface Crash {
  readonly step: number;
  readonly when: 'before' | 'after';
}

/** Nothing reaches the database any more once the step has come. */
class DyingPglite {
  readonly #crash: Crash;
  #steps = 0;
  hasCrashed = false;

  constructor(crash: Crash) {
    this.#crash = crash;
  }

  wrap(instance: PGlite): PgliteLike {
    const target: PgliteLike = instance;
    return {
      ...this.#wrapQueries(target),
      get closed() {
        return target.closed;
      },
      transaction: async (fn) => {
        let commit = 0;
        const value = await target.transaction(async (tx) => {
          const written = await fn(this.#wrapQueries(tx));
          commit = this.#begin();
          return written;
        });
        this.#dieAt(commit, 'after');
        return value;
      },
      close: () => target.close(),
    };
  }

  #wrapQueries(target: PgliteQueries): PgliteQueries {
    return {
      query: (text, values, options) => this.#step(() => target.query(text, values, options)),
      exec: async (script) => {
        const statements = script.split(/;\s*$/m).filter((text) => text.trim() !== '');
        for (const statement of statements) await this.#step(() => target.exec(statement));
      },
    };
  }

  async #step<T>(run: () => Promise<T>): Promise<T> {
    const number = this.#begin();
    const value = await run();
    this.#dieAt(number, 'after');
    return value;
  }

  #begin(): number {
    const number = ++this.#steps;
    this.#dieAt(number, 'before');
    return number;
  }

  #dieAt(number: number, when: Crash['when']): void {
    if (this.#crash.step === number && this.#crash.when === when) this.hasCrashed = true;
    if (this.hasCrashed) throw new Error('the process has died');
  }
}

async function describeSchema(instance: PGlite, schema: string): Promise<string> {
  const { rows } = await instance.query(
    `SELECT table_name || '.' || column_name || ' ' || data_type || ' ' || is_nullable AS what
     FROM information_schema.columns WHERE table_schema = $1
     UNION ALL SELECT sequence_name FROM information_schema.sequences WHERE sequence_schema = $1
     UNION ALL SELECT replace(indexdef, $1, 'schema') FROM pg_indexes WHERE schemaname = $1
     ORDER BY 1`,
    [schema],
  );
  return JSON.stringify(rows);
}

test('at whatever statement it dies, a migration happens as a whole or not at all', async () => {
  const instance = await PGlite.create();
  onTestFinished(() => instance.close());
  const migrations = await loadMigrations('postgres', [POSTLUDE_MIGRATIONS]);
  const countApplied = async (): Promise<number> => {
    const { rows } = await instance.query<{ found: string | null }>(
      `SELECT to_regclass('dying.applied_migrations')::text AS found`,
    );
    if (rows[0]?.found === null) return 0;
    const counted = await instance.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM dying.applied_migrations',
    );
    return counted.rows[0]?.count ?? 0;
  };
  await instance.exec('CREATE SCHEMA dying');
  await fromPglite(instance, { schema: 'clean', migrations: [POSTLUDE_MIGRATIONS] }).migrate();
  let crashes = 0;
  for (let applied = 0; applied < migrations.length; applied++) {
    const before = await describeSchema(instance, 'dying');
    for (let step = 1, isApplied = false; !isApplied; step++) {
      for (const when of ['before', 'after'] as const) {
        const dying = new DyingPglite({ step, when });
        const migrating = fromPglite(dying.wrap(instance), {
          schema: 'dying',
          migrations: [POSTLUDE_MIGRATIONS],
        }).migrate();
        await expect(migrating, `step ${step} of ${applied}`).rejects.toThrow('has died');
        crashes++;
        isApplied = (await countApplied()) === applied + 1;
        if (isApplied) break;
        expect(await describeSchema(instance, 'dying')).toBe(before);
      }
    }
    expect(await countApplied()).toBe(applied + 1);
  }
  expect(crashes).toBeGreaterThan(migrations.length * 10);
  await fromPglite(instance, { schema: 'dying', migrations: [POSTLUDE_MIGRATIONS] }).migrate();
  const [dead, clean] = [
    await describeSchema(instance, 'dying'),
    await describeSchema(instance, 'clean'),
  ];
  expect(dead.replaceAll('dying', 'schema')).toBe(clean.replaceAll('clean', 'schema'));
});
