import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { settingsMarkdown } from './settings-help.ts';

test('docs/configuration.md has the table of settings as it is', async () => {
  // To renew it: npx vitest run src/server/config/settings-help -u
  const page = new URL('../../../docs/configuration.md', import.meta.url);
  const text = await readFile(page, 'utf8');
  const table = /(?<=<!-- settings -->\n)[\s\S]*(?=<!-- end of settings -->)/;
  expect(text).toMatch(table);
  const renewed = text.replace(table, () => `\n${settingsMarkdown()}\n\n`);
  await expect(renewed).toMatchFileSnapshot(page.pathname);
});
