-- How far exports into a warehouse have come, and the rows that it refused. What the columns mean stands in
-- src/migrations/postgres/0010_exports.sql.
CREATE TABLE IF NOT EXISTS export_progress (
  invocation_id STRING(MAX) NOT NULL,
  export_index INT64 NOT NULL,
  fingerprint STRING(MAX) NOT NULL,
  attempt INT64 NOT NULL,
  settled_rows INT64 NOT NULL,
  parent_id STRING(MAX),
  test_id STRING(MAX),
  result_id STRING(MAX),
  rejected_rows INT64 NOT NULL,
  stream STRING(MAX),
  stream_offset INT64,
  done_time TIMESTAMP
) PRIMARY KEY (invocation_id, export_index);

CREATE TABLE IF NOT EXISTS rejected_rows (
  invocation_id STRING(MAX) NOT NULL,
  export_index INT64 NOT NULL,
  row_number INT64 NOT NULL,
  parent_id STRING(MAX) NOT NULL,
  test_id STRING(MAX) NOT NULL,
  result_id STRING(MAX) NOT NULL,
  reason STRING(MAX) NOT NULL
) PRIMARY KEY (invocation_id, export_index, row_number);
