-- Tells which commits landed (packages/queue/src/storage/postgres/transactions/commit-marks.ts). Each write
-- transaction counts up a row that no other transaction uses at the same time. Half of each page is left
-- free, so that the row is rewritten within its page and no index is touched (HOT).
CREATE TABLE commit_marks (
  id uuid PRIMARY KEY,
  -- The number of the last transaction that committed with this mark. A mark is closed by writing -1 minus
  -- that number; no transaction can commit with it any more.
  number bigint NOT NULL,
  write_time timestamptz NOT NULL
) WITH (fillfactor = 50);
