-- The artifacts of invocations and of test results.
CREATE TABLE IF NOT EXISTS artifacts (
  invocation_id STRING(MAX) NOT NULL,
  -- empty for an artifact of the invocation itself, tr/{test id}/{result id} for that of a result
  parent_id STRING(MAX) NOT NULL,
  artifact_id STRING(MAX) NOT NULL,
  content_type STRING(MAX) NOT NULL,
  artifact_type STRING(MAX) NOT NULL,
  size_bytes INT64 NOT NULL,
  -- the SHA-256 of the content, in hex
  sha256 STRING(MAX) NOT NULL,
  content BYTES(MAX) NOT NULL,
  create_time TIMESTAMP NOT NULL
) PRIMARY KEY (invocation_id, parent_id, artifact_id);
