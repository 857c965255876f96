-- Why tests failed, apart from what is shown of it.
ALTER TABLE test_results
  -- a binary luci.resultdb.v1.FailureReason
  ADD COLUMN failure_reason bytea;
