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
  -- the content, unless it is long
  content bytea,
  -- where a long content is kept outside of the database: {sink}:{random digits}
  content_key text COLLATE "C",
  create_time timestamptz NOT NULL,
  CONSTRAINT artifacts_content CHECK ((content IS NULL) <> (content_key IS NULL)),
  PRIMARY KEY (invocation_id, parent_id, artifact_id)
);

-- The contents that no artifact has: not yet, or not any more. Most of the time there are few.
CREATE TABLE unused_contents (
  content_key text COLLATE "C" PRIMARY KEY,
  -- from when on the content may be deleted
  collect_time timestamptz NOT NULL,
  -- whether its deletion has begun, so that no artifact may have it any more
  is_claimed boolean NOT NULL
);
