-- Secrets that the server made for itself, so that what they sign survives a restart.
CREATE TABLE IF NOT EXISTS secrets (
  name STRING(MAX) NOT NULL,
  secret BYTES(MAX) NOT NULL,
  create_time TIMESTAMP NOT NULL
) PRIMARY KEY (name);
