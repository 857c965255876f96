import { chmodSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { RecordingLog } from '../../../../../test/support/recording-log.ts';
import { openPglite } from './database.ts';
import { makePrivate } from './private-folder.ts';

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'postlude-private-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Returns the modes of what other users can open. */
function openToOthers(folder: string): string[] {
  return ['', ...readdirSync(folder, { recursive: true, encoding: 'utf8' })]
    .map((name) => ({ name, mode: statSync(join(folder, name)).mode & 0o777 }))
    .filter(({ mode }) => (mode & 0o077) !== 0)
    .map(({ name, mode }) => `${name} ${mode.toString(8)}`);
}

describe.skipIf(process.platform === 'win32')('a data folder', () => {
  test('is created for its user alone, and its files too', async () => {
    const log = new RecordingLog();
    const folder = join(temporaryFolder(), 'new', 'data');
    const db = await openPglite({ dataDir: folder, log });
    onTestFinished(() => db.close());
    await db.migrate();
    expect(openToOthers(folder)).toEqual([]);
    expect(log.lines).toEqual([]);
  });

  test('that was open to others is closed, with a warning', async () => {
    const folder = join(temporaryFolder(), 'data');
    await (await openPglite({ dataDir: folder })).close();
    chmodSync(folder, 0o755);
    chmodSync(join(folder, 'base'), 0o755);
    chmodSync(join(folder, 'PG_VERSION'), 0o666);
    const log = new RecordingLog();
    const db = await openPglite({ dataDir: folder, log });
    onTestFinished(() => db.close());
    expect(openToOthers(folder)).toEqual([]);
    expect(log.lines).toMatchObject([
      {
        level: 'warn',
        message: 'other users could read the data folder until now',
        fields: { folder, mode: '755' },
      },
    ]);
  });

  test.each([
    [
      'is not ours',
      () => {
        throw new Error('EPERM: operation not permitted');
      },
      'EPERM: operation not permitted',
    ],
    ['is on a file system without modes', () => undefined, 'the file system keeps no modes'],
  ])('that %s is used, with a warning that says so', async (_, chmod, reason) => {
    const folder = join(temporaryFolder(), 'data');
    mkdirSync(folder, { mode: 0o750 });
    writeFileSync(join(folder, 'kept'), '');
    const log = new RecordingLog();
    await makePrivate(folder, log, chmod);
    expect(log.lines).toMatchObject([
      { message: 'other users may be able to read the data folder', fields: { reason } },
    ]);
  });
});
