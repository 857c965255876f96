-- The artifacts of invocations and of test results. Text keys are in byte order.
CREATE TABLE artifacts (
  invocation_id text COLLATE "C" NOT NULL,
  -- empty for an artifact of the invocation itself, tr/{test id}/{result id} for that of a result
  parent_id text COLLATE "C" NOT NULL,
  artifact_id text COLLATE "C" NOT NULL,
  content_type text NOT NULL,
  artifact_type text NOT NULL,
  size_bytes bigint NOT NULL CONSTRAINT artifacts_size CHECK (size_bytes >= 0),
  -- the SHA-256 of the content, in hex
  sha256 text NOT NULL,
  content bytea NOT NULL,
  create_time timestamptz NOT NULL,
  PRIMARY KEY (invocation_id, parent_id, artifact_id)
);
