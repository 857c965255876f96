/** Checks the files of examples/deploy as far as that goes without systemd running or a container engine. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { environmentName, SETTING_NAMES } from '../../src/server/config/settings.ts';

const DEPLOY = join(import.meta.dirname, '../../examples/deploy');
const textOf = (path: string): string => readFileSync(join(DEPLOY, path), 'utf8');
const UNIT = textOf('systemd/postlude.service');
const IMAGE = textOf('container/Containerfile');
const COMPOSE = parse(textOf('container/compose.yaml'));
const SERVICE = COMPOSE.services.postlude;

/** Returns the instructions of a Containerfile, with continued lines joined. */
function instructionsOf(text: string): (readonly [string, string])[] {
  const lines = text.replaceAll(/\\\n\s*/g, '').split('\n');
  return lines
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => [line.split(' ', 1)[0] ?? '', line.slice(line.indexOf(' ') + 1)] as const);
}

function heapMib(text: string): number {
  return Number(/--max-old-space-size=(\d+)/.exec(text)?.[1]);
}

test('systemd accepts the unit', ({ skip }) => {
  const found = spawnSync('systemd-analyze', ['--version']).status === 0;
  if (!found) skip('systemd-analyze is not installed');
  const folder = mkdtempSync(join(tmpdir(), 'postlude-unit-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'postlude.service');
  // It has to find the command, which is not installed where tests run.
  writeFileSync(path, UNIT.replace('/usr/local/bin/postlude', '/bin/sh'));
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', path], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});

test('the unit has no rights, and writes to its data only', () => {
  const given = new Map(
    UNIT.split('\n').map((line) => line.split(/=(.*)/s, 2) as [string, string]),
  );
  expect(Object.fromEntries(given)).toMatchObject({
    CapabilityBoundingSet: '',
    DynamicUser: 'yes',
    NoNewPrivileges: 'yes',
    ProtectSystem: 'strict',
    StateDirectory: 'postlude',
    UMask: '0077',
  });
});

test('the image runs as a user that is a number, and not as root', () => {
  const instructions = instructionsOf(IMAGE);
  const names = instructions.map(([name]) => name);
  expect(instructions.filter(([name]) => name === 'USER')).toEqual([['USER', '10001:10001']]);
  expect(names.indexOf('RUN')).toBeLessThan(names.indexOf('USER'));
  expect(names.lastIndexOf('RUN')).toBe(names.indexOf('RUN')); // nothing is installed as that user
  expect(new Set(names)).toEqual(
    new Set('FROM ENV RUN USER WORKDIR VOLUME EXPOSE HEALTHCHECK ENTRYPOINT CMD'.split(' ')),
  );
});

test('arrays in the image are JSON, as only then no shell interprets them', () => {
  for (const [name, value] of instructionsOf(IMAGE)) {
    if (name === 'ENTRYPOINT' || name === 'CMD' || name === 'VOLUME') JSON.parse(value);
    if (name === 'HEALTHCHECK') JSON.parse(value.slice(value.indexOf('CMD ') + 4));
  }
});

test('Compose takes away what the server does not need', () => {
  expect(SERVICE).toMatchObject({
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    ports: [expect.stringMatching(/^127\.0\.0\.1:/)],
  });
  expect(SERVICE.privileged).toBeUndefined();
});

test('the heap leaves room for what is outside of it: Node.js, requests and DuckDB', () => {
  const outsideMib = 100 + 128 + 192;
  const GIB = 1024;
  expect(UNIT).toMatch(/^MemoryMax=1G$/m);
  expect(SERVICE.mem_limit).toBe('1g');
  for (const text of [UNIT, IMAGE]) expect(heapMib(text) + outsideMib).toBeLessThanOrEqual(GIB);
});

test('variables are those of settings', () => {
  const known = SETTING_NAMES.map(environmentName);
  const named = `${UNIT}${IMAGE}${textOf('container/compose.yaml')}`.match(/POSTLUDE_[A-Z_]+/g);
  expect(named?.filter((name) => !known.includes(name))).toEqual([]);
  expect(named).toContain('POSTLUDE_TOKEN_SECRETS_FILE');
});
