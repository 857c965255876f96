-- The reason of a failure, a binary luci.resultdb.v1.FailureReason.
ALTER TABLE test_results ADD COLUMN IF NOT EXISTS failure_reason BYTES(MAX);
