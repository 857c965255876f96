-- Exports that were asked for after their invocation was FINALIZED: further ones, and such as are made again
-- (src/exporter/export-requests.ts).
CREATE TABLE export_requests (
  invocation_id text COLLATE "C" NOT NULL,
  -- The index of the export among those of the invocation.
  export_index bigint NOT NULL,
  -- A binary luci.resultdb.v1.BigQueryExport.
  destination bytea NOT NULL,
  -- How often the export has been asked for again.
  generation bigint NOT NULL,
  request_time timestamptz NOT NULL,
  PRIMARY KEY (invocation_id, export_index)
);
