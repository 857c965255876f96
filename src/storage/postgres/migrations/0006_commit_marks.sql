-- Which commits landed (src/storage/postgres/commit-marks.ts). Each write transaction counts up a row of
-- its own, and nobody else touches it; half of each page is left free, so that this rewrites the row
-- within its page and touches no index (HOT).
CREATE TABLE commit_marks (
  id uuid PRIMARY KEY,
  -- Of the last transaction that committed with this mark. Negative once it is closed: -1 less that
  -- number. A closed mark lets no transaction commit any more.
  number bigint NOT NULL,
  write_time timestamptz NOT NULL
) WITH (fillfactor = 50);
