-- What the columns mean stands in src/migrations/postgres/0012_export_periods.sql.
ALTER TABLE export_requests ADD COLUMN IF NOT EXISTS request_id STRING(MAX);

CREATE TABLE IF NOT EXISTS export_periods (
  period_id STRING(MAX) NOT NULL,
  start_time TIMESTAMP NOT NULL,
  until_time TIMESTAMP NOT NULL,
  position_time TIMESTAMP,
  position_id STRING(MAX),
  runs INT64 NOT NULL,
  begun INT64 NOT NULL,
  refused INT64 NOT NULL,
  done_time TIMESTAMP
) PRIMARY KEY (period_id);

CREATE TABLE IF NOT EXISTS export_sinks (
  invocation_id STRING(MAX) NOT NULL,
  export_index INT64 NOT NULL,
  fingerprint STRING(MAX) NOT NULL,
  sink STRING(MAX) NOT NULL
) PRIMARY KEY (invocation_id, export_index);
