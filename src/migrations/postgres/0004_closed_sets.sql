-- Closed sets of invocations that are too large to become FINALIZED in one transaction
-- (src/invocations/closed-sets.ts). Each member has the root of its set.
ALTER TABLE invocations ADD COLUMN closed_by text COLLATE "C";

CREATE INDEX invocations_by_closing ON invocations (closed_by, invocation_id)
  WHERE closed_by IS NOT NULL;

-- The set whose turn it is to be marked: at most one row.
CREATE TABLE closing_turns (
  name text COLLATE "C" PRIMARY KEY,
  root_id text COLLATE "C" NOT NULL
);
