import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { serverFlags, settingsMarkdown } from './settings-help.ts';

test('docs/configuration.md has the table of settings as it is', async () => {
  // To renew it: npx vitest run src/server/config/settings-help -u
  const page = new URL('../../../docs/configuration.md', import.meta.url);
  const text = await readFile(page, 'utf8');
  const table = /(?<=<!-- settings -->\n)[\s\S]*(?=<!-- end of settings -->)/;
  expect(text).toMatch(table);
  const renewed = text.replace(table, () => `\n${settingsMarkdown()}\n\n`);
  await expect(renewed).toMatchFileSnapshot(page.pathname);
});

test('help has one line a flag, with its variable and its default', () => {
  const lines = new Map(serverFlags().map(({ flags, description }) => [flags, description]));
  expect(lines.get('--listen <host:port>')).toBe(
    'where to listen ($POSTLUDE_LISTEN; 127.0.0.1:8010)',
  );
  expect(lines.get('--database <value>')).toBe(
    'where the data is: pglite:PATH | memory: | postgres://… | spanner://… ($POSTLUDE_DATABASE; pglite:.postlude/data)',
  );
  expect(lines.get('--auto-migrate <value>')).toBe(
    'migrate the database at start: true | false ($POSTLUDE_AUTO_MIGRATE; true without authentication, else false)',
  );
});

test('there are no flags for secrets and structures', () => {
  const names = serverFlags().map(({ name }) => name);
  expect(names).toContain('config');
  expect(names).not.toContain('tokenSecrets');
  expect(names).not.toContain('realms');
});
