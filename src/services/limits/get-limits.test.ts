import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { contextOf } from '../../../test/support/server/rpc-services.ts';
import { GetLimitsRequestSchema } from '../../gen/postlude/v1/limits_pb.js';
import { allowAll, realmAuthorizer, TASKS_REALM } from '../shared/permissions.ts';
import type { CallerState, LimitsParts } from './parts.ts';
import { createLimits } from './service.ts';

const CALLER: CallerState = {
  name: 'realm:ci:main',
  inWork: 1,
  waiting: 2,
  bytes: 3,
  maxBytes: 4,
  refused: 5,
  resultsToday: 6,
  maxResultsPerDay: undefined,
  maxRequestsPerSecond: 7,
};

function openLimits(authorizer: LimitsParts['authorizer'], callers = 1) {
  const load = { delayMs: 1, heapShare: 0.5, capacityShare: 1 };
  const list = Array<CallerState>(callers).fill(CALLER);
  return createLimits({ authorizer, readState: () => ({ classes: [], callers: list, load }) });
}

const ask = (limits: ReturnType<typeof openLimits>, maxCallers = 0) =>
  limits.getLimits(create(GetLimitsRequestSchema, { maxCallers }), contextOf('user:a@example.com'));

test('shows operators who use how much', async () => {
  const { callers, load } = await ask(openLimits(allowAll));
  expect(callers).toMatchObject([
    { name: 'realm:ci:main', bytes: 3n, resultsToday: 6n, maxResultsPerDay: 0n },
  ]);
  expect(load).toMatchObject({ heapShare: 0.5 });
});

test('shows them only to those who have the permission', async () => {
  const reader = realmAuthorizer({ 'ci:@root': { admin: ['user:a@example.com'] } });
  await expect(ask(openLimits(reader))).rejects.toMatchObject({ code: 'permission-denied' });
  const operator = { 'postlude.limits.get': ['user:a@example.com'] };
  await ask(openLimits(realmAuthorizer({ [TASKS_REALM]: operator })));
});

test('returns at most as many callers as asked for', async () => {
  const limits = openLimits(allowAll, 2000);
  expect((await ask(limits)).callers).toHaveLength(100);
  expect((await ask(limits, 5)).callers).toHaveLength(5);
  expect((await ask(limits, 5000)).callers).toHaveLength(1000);
  await expect(ask(limits, -1)).rejects.toThrow('max_callers: must not be negative: -1');
});
