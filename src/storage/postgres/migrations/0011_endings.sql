-- How invocations end without their owner's word, and the attempts of one shard.
ALTER TABLE invocations
  -- When the server ends it if it is still ACTIVE, where that is before its deadline.
  ADD COLUMN ends_at timestamptz,
  -- How long its recorder may be silent, and when it was last heard of.
  ADD COLUMN lost_after_ms bigint,
  ADD COLUMN heartbeat_time timestamptz,
  -- Names the process that records into it.
  ADD COLUMN recorder text,
  -- It has been announced and has not appeared yet.
  ADD COLUMN is_expected boolean,
  -- 1 CANCELLED, 2 DEADLINE, 3 LOST, 4 SUPERSEDED, 5 NEVER_APPEARED; NULL: its owner, or nobody yet.
  ADD COLUMN ended_by smallint,
  ADD COLUMN end_reason text,
  -- The number of this attempt, and of the newest one, which only the first one knows.
  ADD COLUMN attempt bigint,
  ADD COLUMN last_attempt bigint,
  -- A binary google.protobuf.Struct.
  ADD COLUMN properties bytea,
  ADD COLUMN active_deadline timestamptz GENERATED ALWAYS AS
    (CASE WHEN state = 1 THEN least(ends_at, deadline) END) STORED;

-- Only snapshots search this index, so that no serializable transactions conflict on its pages.
CREATE INDEX invocations_by_active_deadline ON invocations (active_deadline, invocation_id)
  WHERE active_deadline IS NOT NULL;

-- The including invocation is an attempt whose results do not count: the included one is the next.
ALTER TABLE included_invocations ADD COLUMN supersedes boolean;
