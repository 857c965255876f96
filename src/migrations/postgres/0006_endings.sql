-- How invocations end without their owner, and the attempts of one shard.
ALTER TABLE invocations
  -- When the server ends it if it is still ACTIVE, if that is before its deadline.
  ADD COLUMN ends_at timestamptz,
  -- How long its recorder may be silent, and when the recorder last called.
  ADD COLUMN lost_after_ms bigint,
  ADD COLUMN heartbeat_time timestamptz,
  -- The name of the process that records into it.
  ADD COLUMN recorder text,
  -- Whether it has been announced and has not appeared yet.
  ADD COLUMN is_expected boolean,
  -- 1 CANCELLED, 2 DEADLINE, 3 LOST, 4 SUPERSEDED, 5 NEVER_APPEARED; NULL if its owner ended it, or nobody yet.
  ADD COLUMN ended_by smallint,
  ADD COLUMN end_reason text,
  -- The number of this attempt. Only the first attempt has the number of the newest one.
  ADD COLUMN attempt bigint,
  ADD COLUMN last_attempt bigint,
  -- A binary google.protobuf.Struct.
  ADD COLUMN properties bytea,
  ADD COLUMN active_deadline timestamptz GENERATED ALWAYS AS
    (CASE WHEN state = 1 THEN least(ends_at, deadline) END) STORED;

-- Only snapshots search this index, so serializable transactions do not conflict on its pages.
CREATE INDEX invocations_by_active_deadline ON invocations (active_deadline, invocation_id)
  WHERE active_deadline IS NOT NULL;

-- True if the including invocation is an attempt whose results no longer count, as the included one is the
-- next attempt.
ALTER TABLE included_invocations ADD COLUMN supersedes boolean;
