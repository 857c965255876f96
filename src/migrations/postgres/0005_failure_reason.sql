-- The reason of a failure.
ALTER TABLE test_results
  -- a binary luci.resultdb.v1.FailureReason
  ADD COLUMN failure_reason bytea;
