-- Closed sets of invocations that are too large to become FINALIZED in one transaction
-- (src/invocations/closed-sets.ts). Each member has the root of its set.
ALTER TABLE invocations ADD COLUMN IF NOT EXISTS closed_by STRING(MAX);

CREATE NULL_FILTERED INDEX IF NOT EXISTS invocations_by_closing
  ON invocations (closed_by, invocation_id);

-- The set whose turn it is to be marked: at most one row.
CREATE TABLE IF NOT EXISTS closing_turns (
  name STRING(MAX) NOT NULL,
  root_id STRING(MAX) NOT NULL
) PRIMARY KEY (name);
