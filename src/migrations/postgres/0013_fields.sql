-- Fields that few rows have, in one column for each kind of row.
ALTER TABLE test_results
  -- a binary luci.resultdb.v1.TestResult of the fields that have no column (src/results/outcome/stored-outcome.ts)
  ADD COLUMN details bytea;

ALTER TABLE test_exonerations
  -- the number of a luci.resultdb.v1.ExonerationReason; NULL in rows that are older than this column
  ADD COLUMN reason smallint;

ALTER TABLE invocations
  -- a binary luci.resultdb.v1.Invocation of the fields that have no column and are short
  ADD COLUMN details bytea,
  -- a binary luci.resultdb.v1.Invocation of its instructions and extended properties, which may be long
  ADD COLUMN extended bytea;
