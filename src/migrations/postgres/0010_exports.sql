-- How far exports into a warehouse have come (src/exporter/progress.ts), and the rows that it refused.
CREATE TABLE export_progress (
  invocation_id text COLLATE "C" NOT NULL,
  -- The index of the export among those of the invocation.
  export_index bigint NOT NULL,
  -- Of the rows, so that the progress of another invocation with the same id is not taken for this one's.
  fingerprint text NOT NULL,
  -- The newest attempt; only this one may write.
  attempt bigint NOT NULL,
  -- How many rows have landed or been rejected for good, and the last of them.
  settled_rows bigint NOT NULL,
  parent_id text,
  test_id text,
  result_id text,
  -- How many of the settled rows were rejected.
  rejected_rows bigint NOT NULL,
  -- Where the rows after the settled ones go, and may have gone already.
  stream text,
  stream_offset bigint,
  -- When all rows were settled.
  done_time timestamptz,
  PRIMARY KEY (invocation_id, export_index)
);

CREATE TABLE rejected_rows (
  invocation_id text COLLATE "C" NOT NULL,
  export_index bigint NOT NULL,
  -- The number of the row in the export, from 0.
  row_number bigint NOT NULL,
  parent_id text NOT NULL,
  test_id text NOT NULL,
  result_id text NOT NULL,
  reason text NOT NULL,
  PRIMARY KEY (invocation_id, export_index, row_number)
);
