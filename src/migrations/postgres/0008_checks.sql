-- What a row written by hand could get wrong. postlude itself never writes such rows.
ALTER TABLE invocations
  ADD CONSTRAINT invocations_state CHECK (state BETWEEN 1 AND 3),
  ADD CONSTRAINT invocations_finalized CHECK ((state = 3) = (finalize_time IS NOT NULL)),
  -- Only a FINALIZING invocation waits for another one.
  ADD CONSTRAINT invocations_blocker CHECK (blocker_id IS NULL OR state = 2),
  ADD CONSTRAINT invocations_ended_by CHECK (ended_by BETWEEN 1 AND 5),
  ADD CONSTRAINT invocations_lost_after CHECK (lost_after_ms > 0);

-- Only new rows are checked, as this table is too large to be read while it is locked.
ALTER TABLE test_results
  ADD CONSTRAINT test_results_status CHECK (status BETWEEN 1 AND 5) NOT VALID,
  ADD CONSTRAINT test_results_unexpected_or_null CHECK (is_unexpected) NOT VALID,
  ADD CONSTRAINT test_results_duration CHECK (run_duration_micros >= 0) NOT VALID;
