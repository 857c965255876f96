-- Invocations, and which includes which. Ids are row ids (src/invocations/id.ts), which begin with a
-- hash, so all keys and indexes here spread what is written at the same time.
CREATE TABLE IF NOT EXISTS invocations (
  invocation_id STRING(MAX) NOT NULL,
  -- 1 ACTIVE, 2 FINALIZING, 3 FINALIZED
  state INT64 NOT NULL,
  realm STRING(MAX) NOT NULL,
  create_time TIMESTAMP NOT NULL,
  created_by STRING(MAX),
  create_request_id STRING(MAX),
  deadline TIMESTAMP NOT NULL,
  finalize_start_time TIMESTAMP,
  finalize_time TIMESTAMP,
  expiration_time TIMESTAMP NOT NULL,
  expected_results_expiration_time TIMESTAMP,
  -- key:value, sorted
  tags ARRAY<STRING(MAX)> NOT NULL,
  producer_resource STRING(MAX),
  -- each a binary luci.resultdb.v1.BigQueryExport
  bigquery_exports ARRAY<BYTES(MAX)> NOT NULL,
  -- a binary luci.resultdb.v1.HistoryOptions
  history_options BYTES(MAX),
  -- What a FINALIZING invocation waits for (src/invocations/finalization-state.ts).
  blocker_id STRING(MAX),
  blocker_end_id STRING(MAX),
  finalized_up_to STRING(MAX)
) PRIMARY KEY (invocation_id);

-- Finds the invocations to wake when one becomes FINALIZED.
CREATE NULL_FILTERED INDEX IF NOT EXISTS invocations_by_blocker
  ON invocations (blocker_id, invocation_id);

CREATE TABLE IF NOT EXISTS included_invocations (
  invocation_id STRING(MAX) NOT NULL,
  included_invocation_id STRING(MAX) NOT NULL
) PRIMARY KEY (invocation_id, included_invocation_id);

CREATE INDEX IF NOT EXISTS included_invocations_reversed
  ON included_invocations (included_invocation_id, invocation_id);
