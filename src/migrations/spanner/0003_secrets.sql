-- The secrets that servers make for themselves. They are kept so that what they signed stays valid after a
-- restart.
CREATE TABLE IF NOT EXISTS secrets (
  name STRING(MAX) NOT NULL,
  secret BYTES(MAX) NOT NULL,
  create_time TIMESTAMP NOT NULL
) PRIMARY KEY (name);
