-- Closed sets of invocations that are too large to become FINALIZED in one transaction
-- (src/invocations/closed-sets.ts): the root of its set, on each member.
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS closed_by STRING(MAX);

CREATE NULL_FILTERED INDEX IF NOT EXISTS invocations_by_closing
  ON invocations (closed_by, invocation_id);

-- Whose turn it is to mark a set: at most one row.
CREATE TABLE IF NOT EXISTS closing_turns (
  name STRING(MAX) NOT NULL,
  root_id STRING(MAX) NOT NULL
) PRIMARY KEY (name);
