/** Jobs whose tokens expire before their tests end. Jobs of forks, without any token, are in test/ci/. */
import assert from 'node:assert/strict';
import { watcherToken } from '../ci/world.ts';
import type { Scenario } from './scenario.ts';
import type { Place } from './stage/place.ts';
import { junit } from './stage/reports.ts';

const WAITS = 'sleep 100000 & trap "kill $!" USR1; echo ready $$; wait $!; cp given.xml r.xml';
/** Servers accept a token for 30 s after its end, so this token still lasts that long. */
const LASTS_FOR_12_S = '18s ago';

/** The server rejects a reader with an expired token, while a recorder can use its update token. */
async function untilRefused(place: Place, token: string): Promise<void> {
  for (;;) {
    const status = place.start(['status', place.run], { POSTLUDE_ID_TOKEN: token });
    const { code, err } = await status.ended;
    if (code !== 0) return assert.match(err, /token/);
  }
}

export const TOKENS: readonly Scenario[] = [
  {
    name: 'token-shorter-than-the-tests',
    shows: 'a token that expires while tests run loses no result: the update token is enough',
    isCi: true,
    async run(place) {
      const { authority } = place.server;
      assert.ok(authority);
      await place.write('given.xml', junit({ passed: 3, failed: 1 }));
      const token = await watcherToken(authority, LASTS_FOR_12_S);
      const argv = ['record', '--id', place.run, '--realm', 'ci:main', '--reports', 'r.xml'];
      const record = place.start([...argv, '--', 'sh', '-c', WAITS], { POSTLUDE_ID_TOKEN: token });
      const command = await place.commandOf(record);
      await untilRefused(place, token);
      process.kill(command, 'SIGUSR1');
      const { code, err } = await record.ended;
      assert.equal(code, 0, err);
      await place.expect(place.run, {
        results: 4,
        unexpected: 1,
        byStatus: { PASS: 3, FAIL: 1 },
      });
    },
  },
];
