-- Exports that were asked for after their invocation was FINALIZED. What the columns mean stands in
-- src/migrations/postgres/0011_export_requests.sql.
CREATE TABLE IF NOT EXISTS export_requests (
  invocation_id STRING(MAX) NOT NULL,
  export_index INT64 NOT NULL,
  destination BYTES(MAX) NOT NULL,
  generation INT64 NOT NULL,
  request_time TIMESTAMP NOT NULL
) PRIMARY KEY (invocation_id, export_index);
