-- The test results and exonerations of invocations. Text keys are in byte order.
CREATE TABLE test_results (
  invocation_id text COLLATE "C" NOT NULL,
  test_id text COLLATE "C" NOT NULL,
  result_id text COLLATE "C" NOT NULL,
  -- key:value, sorted by key
  variant text[] NOT NULL,
  variant_hash text COLLATE "C" NOT NULL,
  -- true or NULL, so that the index below holds only the few unexpected results
  is_unexpected boolean,
  -- 1 PASS, 2 FAIL, 3 CRASH, 4 ABORT, 5 SKIP
  status smallint NOT NULL,
  summary_html text,
  start_time timestamptz,
  run_duration_micros bigint,
  -- key:value, sorted
  tags text[] NOT NULL,
  -- a binary luci.resultdb.v1.TestLocation
  test_location bytea,
  -- a binary luci.resultdb.v1.TestMetadata
  test_metadata bytea,
  PRIMARY KEY (invocation_id, test_id, result_id)
);

CREATE INDEX test_results_unexpected ON test_results (invocation_id, test_id, result_id)
  INCLUDE (variant_hash) WHERE is_unexpected;

CREATE TABLE test_exonerations (
  invocation_id text COLLATE "C" NOT NULL,
  test_id text COLLATE "C" NOT NULL,
  exoneration_id text COLLATE "C" NOT NULL,
  variant text[] NOT NULL,
  variant_hash text COLLATE "C" NOT NULL,
  explanation_html text,
  PRIMARY KEY (invocation_id, test_id, exoneration_id)
);
