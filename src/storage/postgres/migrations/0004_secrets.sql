-- Secrets that the server made for itself, so that what they sign survives a restart.
CREATE TABLE secrets (
  name text PRIMARY KEY,
  secret bytea NOT NULL,
  create_time timestamptz NOT NULL
);
