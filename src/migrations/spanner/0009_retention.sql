-- What retention deletes, in the order in which its time comes; by shards, as these times grow.
CREATE INDEX IF NOT EXISTS invocations_by_expiration
  ON invocations (shard, expiration_time, invocation_id);

CREATE NULL_FILTERED INDEX IF NOT EXISTS invocations_by_expected_results_expiration
  ON invocations (shard, expected_results_expiration_time, invocation_id);
