-- The test results and exonerations of invocations.
CREATE TABLE IF NOT EXISTS test_results (
  invocation_id STRING(MAX) NOT NULL,
  test_id STRING(MAX) NOT NULL,
  result_id STRING(MAX) NOT NULL,
  -- key:value, sorted by key
  variant ARRAY<STRING(MAX)> NOT NULL,
  variant_hash STRING(MAX) NOT NULL,
  -- TRUE or NULL, so that the index below holds only the few unexpected results
  is_unexpected BOOL,
  -- 1 PASS, 2 FAIL, 3 CRASH, 4 ABORT, 5 SKIP
  status INT64 NOT NULL,
  summary_html STRING(MAX),
  start_time TIMESTAMP,
  run_duration_micros INT64,
  -- key:value, sorted
  tags ARRAY<STRING(MAX)> NOT NULL,
  -- a binary luci.resultdb.v1.TestLocation
  test_location BYTES(MAX),
  -- a binary luci.resultdb.v1.TestMetadata
  test_metadata BYTES(MAX)
) PRIMARY KEY (invocation_id, test_id, result_id);

CREATE NULL_FILTERED INDEX IF NOT EXISTS test_results_unexpected
  ON test_results (invocation_id, test_id, result_id, is_unexpected) STORING (variant_hash);

CREATE TABLE IF NOT EXISTS test_exonerations (
  invocation_id STRING(MAX) NOT NULL,
  test_id STRING(MAX) NOT NULL,
  exoneration_id STRING(MAX) NOT NULL,
  variant ARRAY<STRING(MAX)> NOT NULL,
  variant_hash STRING(MAX) NOT NULL,
  explanation_html STRING(MAX)
) PRIMARY KEY (invocation_id, test_id, exoneration_id);
