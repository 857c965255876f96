import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { ExportSchema } from '../../gen/postlude/v1/exports_pb.js';
import { withoutFolders } from './export-message.ts';

test.each([
  ['/srv/postlude/exports/a.parquet', 'a.parquet'],
  ['C:\\postlude\\exports\\a.parquet', 'a.parquet'],
  ['s3://bucket/exports/a.parquet', 's3://bucket/exports/a.parquet'],
  ['gs://bucket/a.parquet', 'gs://bucket/a.parquet'],
  ['project.dataset.table', 'project.dataset.table'],
  ["ENOSPC: no space left, write '/srv/p/a.tmp'", "ENOSPC: no space left, write 'a.tmp'"],
  ['cannot write /srv/p/a.tmp: full', 'cannot write a.tmp: full'],
  ['1/2 of the rows, see https://x.example/a/b', '1/2 of the rows, see https://x.example/a/b'],
  ['', ''],
])('a reader sees %j as %j', (text, shown) => {
  const message = withoutFolders(create(ExportSchema, { location: text, reason: text }));
  expect([message.location, message.reason]).toEqual([shown, shown]);
});
