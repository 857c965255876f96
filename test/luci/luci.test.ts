import { describe, expect, onTestFinished, test } from 'vitest';
import { openTestPglite } from '../support/databases/databases.ts';
import type { Answer, Case } from './case.ts';
import { compareAnswers, type Difference, fieldPath } from './compare.ts';
import { drive, STYLES, type Style } from './driver.ts';
import { readIntended, rowOf } from './intended.ts';
import { REALM, startLuciServer } from './luci-server.ts';

const NAME = 'invocations/u-STYLE';
const CREATE = 'Recorder/CreateInvocation';
const invocation = { realm: REALM };

/** A slice of what `npm run test:luci` compares, in our own words. */
const CASES: readonly (Case & { readonly answer: Omit<Answer, 'id'> })[] = [
  {
    id: 'create',
    rpc: CREATE,
    req: { invocationId: 'u-STYLE', invocation },
    save: { token: '@update-token' },
    answer: { code: 'OK', token: true },
  },
  {
    id: 'create again',
    rpc: CREATE,
    req: { invocationId: 'u-STYLE', invocation },
    answer: { code: 'AlreadyExists', message: 'it exists' },
  },
  {
    id: 'a project of somebody else',
    rpc: CREATE,
    req: { invocationId: 'u-other', invocation: { realm: 'otherproject:testrealm' } },
    answer: { code: 'PermissionDenied', message: 'you may not' },
  },
  {
    id: 'a realm without a project',
    rpc: CREATE,
    req: { invocationId: 'u-other', invocation: { realm: 'testrealm' } },
    answer: { code: 'InvalidArgument', message: 'bad request: invocation: realm: is wrong' },
  },
  {
    id: 'a result without a token',
    rpc: 'Recorder/CreateTestResult',
    req: { invocation: NAME, testResult: { testId: 'a', resultId: 'r', status: 'PASS' } },
    answer: { code: 'Unauthenticated', message: 'there is no token' },
  },
  {
    id: 'a result that was not expected',
    rpc: 'Recorder/BatchCreateTestResults',
    req: {
      invocation: NAME,
      requests: [{ testResult: { testId: 'a\n', resultId: 'r', status: 'PASS' } }],
    },
    token: 'token',
    answer: {
      code: 'InvalidArgument',
      message: 'bad request: requests[0]: test_result: test_id: is wrong',
    },
  },
  {
    id: 'a mask that JSON cannot write',
    rpc: 'Recorder/UpdateInvocation',
    req: { invocation: { name: NAME, deadline: '{{now+7200}}' } },
    masks: { update_mask: ['no_such'] },
    token: 'token',
    answer: { code: 'InvalidArgument', message: 'bad request: update_mask: has no such field' },
  },
  {
    id: 'finalize',
    rpc: 'Recorder/FinalizeInvocation',
    req: { name: NAME },
    token: 'token',
    answer: { code: 'OK' },
  },
  {
    id: 'its end',
    rpc: 'ResultDB/GetInvocation',
    req: { name: NAME },
    until: { state: 'FINALIZED' },
    answer: { code: 'OK' },
  },
  {
    id: 'a method that nobody has',
    rpc: 'ResultDB/NoSuchMethod',
    req: {},
    answer: { code: 'Unimplemented' },
  },
];

/** The ids of one style are those of no other, so that all can share a server. */
function casesOf(style: Style): typeof CASES {
  return JSON.parse(JSON.stringify(CASES).replaceAll('STYLE', style));
}

test('a server answers as LUCI does, by each protocol', async () => {
  const server = await startLuciServer({}, { database: await openTestPglite() });
  onTestFinished(() => server.close());
  for (const style of STYLES) {
    const cases = casesOf(style);
    const answers = new Map<string, Answer>();
    for await (const answer of drive(server.url, style, cases)) answers.set(answer.id, answer);
    const differences = cases.flatMap(({ answer, id }) => {
      const ours = answers.get(id);
      return compareAnswers({ id, ...answer, ...(ours?.body ? { body: ours.body } : {}) }, ours);
    });
    expect([style, differences]).toEqual([style, []]);
    expect(answers.get('its end')?.body).toMatchObject({ state: 'FINALIZED' });
  }
});

describe('a comparison', () => {
  const compare = (theirs: Partial<Answer>, ours: Partial<Answer>) =>
    compareAnswers({ id: 'x', code: 'OK', ...theirs }, { id: 'x', code: 'OK', ...ours }).map(
      ({ kind, ours: told }) => [kind, told],
    );

  test('names what differs', () => {
    expect(compareAnswers({ id: 'x', code: 'OK' }, undefined)).toHaveLength(1);
    expect(compare({}, { code: 'NotFound' })).toEqual([['code', 'NotFound']]);
    expect(compare({ token: true }, {})).toEqual([['header', 'no token']]);
    const [theirs, ours] = [
      { a: [{ b: 1 }], c: {} },
      { a: [{ b: 2 }], d: true },
    ];
    expect(compare({ body: theirs }, { body: ours })).toEqual([
      ['body', 'a[0].b: 2'],
      ['body', 'c: absent'],
      ['body', 'd: true'],
    ]);
  });

  test('does not compare times of now, tokens and random ids', () => {
    const body = (year: string, token: string, duration: string) => ({
      createTime: `${year}-01-02T03:04:05Z`,
      testExonerations: [{ exonerationId: `f334:r:${token.repeat(36)}` }],
      nextPageToken: token,
      testResults: [{ duration }],
    });
    expect(
      compare({ body: body('2026', 'a', '1s') }, { body: body('2031', 'b', '1.000s') }),
    ).toEqual([]);
    expect(
      compare(
        { body: { startTime: '2020-01-01T00:00:00Z' } },
        { body: { startTime: '2026-01-01T00:00:00Z' } },
      ),
    ).toHaveLength(1);
  });

  test('of messages looks at the fields that they begin with', () => {
    const code = 'InvalidArgument';
    const messages = ['bad request: invocation: realm: unspecified', 'invocation: realm: is empty'];
    const [theirs, ours] = messages.map((message) => ({ code, message }));
    expect(compare(theirs ?? {}, ours ?? {})).toEqual([]);
    expect(compare(theirs ?? {}, { code, message: 'realm: is empty' })).toHaveLength(1);
  });
});

test.each([
  ['bad request: unspecified', ''],
  ['name: unspecified', 'name'],
  [
    'requests[3]: test_result: test_id: must be printable: it is not',
    'requests[3]: test_result: test_id',
  ],
  ['requests[1].invocation_id: duplicated', 'requests[1].invocation_id'],
  ['tags: "k":"v": key: does not match', 'tags: "k":"v": key'],
  ['invocations/a not found', ''],
])('%s begins with the field "%s"', (message, path) => {
  expect(fieldPath(message)).toBe(path);
});

describe('the table of intended differences', () => {
  const difference = (id: string, kind: Difference['kind'], theirs = '') =>
    rowOf(readIntended(), { id, kind, theirs, ours: '' });

  test('is short, and gives a reason for each row', () => {
    const rows = readIntended();
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.length).toBeLessThanOrEqual(20);
    for (const { cases, kinds } of rows)
      expect([cases.length > 0, kinds.length > 0]).toEqual([true, true]);
  });

  test('holds for its cases, kinds and fields', () => {
    expect(difference('CreateInvocation/includes-twice', 'code')).toBeDefined();
    expect(difference('CreateInvocation/includes-twice', 'body', 'a: 1')).toBeUndefined();
    expect(difference('CreateInvocation/includes', 'code')).toBeUndefined();
    expect(difference('GetTestResult/x', 'body', 'startTime: 1')).toBeDefined();
    expect(difference('GetTestResult/x', 'body', 'status: 1')).toBeUndefined();
  });
});
