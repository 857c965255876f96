-- The request that has begun the newest generation, so that it begins none when it is repeated.
ALTER TABLE export_requests ADD COLUMN request_id text;

-- How far the exports of a whole period have been begun again (src/exporter/requests/export-periods.ts).
CREATE TABLE export_periods (
  -- A digest of the realm, the period and the table.
  period_id text COLLATE "C" PRIMARY KEY,
  start_time timestamptz NOT NULL,
  -- Only invocations that were created before this time.
  until_time timestamptz NOT NULL,
  -- The last invocation that was looked at; the newest come first.
  position_time timestamptz,
  position_id text,
  -- How many invocations were looked at, and how many exports of them begun or refused.
  runs bigint NOT NULL,
  begun bigint NOT NULL,
  refused bigint NOT NULL,
  done_time timestamptz
);

-- Which sink has an export that is done, in case the rules change (src/exporter/sinks/recorded-sinks.ts).
CREATE TABLE export_sinks (
  invocation_id text COLLATE "C" NOT NULL,
  export_index bigint NOT NULL,
  -- Of the rows, so that those of an earlier generation are not taken for them.
  fingerprint text NOT NULL,
  sink text NOT NULL,
  PRIMARY KEY (invocation_id, export_index)
);
