-- The secrets that servers make for themselves. They are kept so that what they signed stays valid after a
-- restart.
CREATE TABLE secrets (
  name text PRIMARY KEY,
  secret bytea NOT NULL,
  create_time timestamptz NOT NULL
);
