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
  -- the content, unless it is long
  content BYTES(MAX),
  -- where a long content is kept outside of the database: {sink}:{random digits}
  content_key STRING(MAX),
  create_time TIMESTAMP NOT NULL
) PRIMARY KEY (invocation_id, parent_id, artifact_id);

-- The contents that no artifact has: not yet, or not any more. Most of the time there are few.
CREATE TABLE IF NOT EXISTS unused_contents (
  content_key STRING(MAX) NOT NULL,
  -- from when on the content may be deleted
  collect_time TIMESTAMP NOT NULL,
  -- whether its deletion has begun, so that no artifact may have it any more
  is_claimed BOOL NOT NULL
) PRIMARY KEY (content_key);
