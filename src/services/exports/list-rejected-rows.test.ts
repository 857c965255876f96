import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { MemorySink } from '../../../test/support/exports/memory-sink.ts';
import { contextOf, OWNER, openServices } from '../../../test/support/server/rpc-services.ts';
import { beginAttempt, saveProgress } from '../../exporter/progress.ts';
import { TEST_RESULTS } from '../../exporter/rows/row-kind.ts';
import { ListRejectedRowsRequestSchema } from '../../gen/postlude/v1/exports_pb.js';
import { listRejectedRows } from './list-rejected-rows.ts';

const NAMES = {
  table: { project: 'p', dataset: 'd', table: 't' },
  invocationId: 'u-inv',
  index: 2,
  kind: TEST_RESULTS,
  fingerprint: 'f',
  attempt: 1,
};
const RESULT = { parentId: 'u-shard', testId: 't', resultId: '0', reason: 'too large' };

eachDatabase((open) => {
  test('the rejected rows of one export are listed page by page', async () => {
    const { db, clock, queue, inspector, authorizer, ...services } = await openServices(
      await open(),
    );
    await services.create('u-inv');
    await beginAttempt(db, NAMES);
    await saveProgress(db, NAMES, {
      settled: undefined,
      rejected: 0,
      next: undefined,
      isDone: false,
      newlyRejected: [4, 1, 9].map((row) => ({ row, ...RESULT })),
    });
    const list = (more: object) => {
      const init = { name: 'invocations/u-inv', index: 2, pageSize: 2, ...more };
      const request = create(ListRejectedRowsRequestSchema, init);
      const parts = { db, clock, queue, inspector, authorizer, sink: new MemorySink() };
      return listRejectedRows(parts, request, contextOf(OWNER));
    };
    const first = await list({});
    expect(first.rows).toMatchObject([
      { row: 1n, parent: 'invocations/u-shard', testId: 't', resultId: '0', reason: 'too large' },
      { row: 4n },
    ]);
    const second = await list({ pageToken: first.nextPageToken });
    expect(second.rows).toMatchObject([{ row: 9n }]);
    expect(second.nextPageToken).toBe('');
    expect((await list({ index: 0 })).rows).toEqual([]);
    await expect(list({ name: 'invocations/u-none' })).rejects.toMatchObject({ code: 'not-found' });
  });
});
