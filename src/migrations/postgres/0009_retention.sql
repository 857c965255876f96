-- What retention deletes, in the order in which its time comes. The first of these times never changes, and
-- the second one changes once, when its results are deleted, so changes of state still touch no index. Only
-- snapshots search these indexes, so serializable transactions do not conflict on their pages.
CREATE INDEX invocations_by_expiration ON invocations (expiration_time, invocation_id);

CREATE INDEX invocations_by_expected_results_expiration
  ON invocations (expected_results_expiration_time, invocation_id)
  WHERE expected_results_expiration_time IS NOT NULL;
