-- Invocations, and which includes which. Ids are row ids (src/invocations/id.ts) in byte order.
CREATE TABLE invocations (
  invocation_id text COLLATE "C" PRIMARY KEY,
  -- 1 ACTIVE, 2 FINALIZING, 3 FINALIZED
  state smallint NOT NULL,
  realm text NOT NULL,
  create_time timestamptz NOT NULL,
  created_by text,
  create_request_id text,
  deadline timestamptz NOT NULL,
  finalize_start_time timestamptz,
  finalize_time timestamptz,
  expiration_time timestamptz NOT NULL,
  expected_results_expiration_time timestamptz,
  -- key:value, sorted
  tags text[] NOT NULL,
  producer_resource text,
  -- each a binary luci.resultdb.v1.BigQueryExport
  bigquery_exports bytea[] NOT NULL,
  -- a binary luci.resultdb.v1.HistoryOptions
  history_options bytea,
  -- What a FINALIZING invocation waits for (src/invocations/finalization-state.ts).
  blocker_id text COLLATE "C",
  blocker_end_id text COLLATE "C",
  finalized_up_to text COLLATE "C"
) WITH (fillfactor = 70);

-- There is no index on the state or on times that change. With the free space above, a change of state stays
-- on its page and touches no index (HOT). Serializable transactions conflict on index pages: without such an
-- index, independent invocations do not conflict; with one, a third of them did.

-- Finds the invocations to wake when one becomes FINALIZED.
CREATE INDEX invocations_by_blocker ON invocations (blocker_id, invocation_id)
  WHERE blocker_id IS NOT NULL;

CREATE TABLE included_invocations (
  invocation_id text COLLATE "C" NOT NULL,
  included_invocation_id text COLLATE "C" NOT NULL,
  PRIMARY KEY (invocation_id, included_invocation_id)
);

CREATE INDEX included_invocations_reversed
  ON included_invocations (included_invocation_id, invocation_id);
