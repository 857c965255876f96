-- The durable queue. Its key and its index of due times lead with a shard, taken from the id: types
-- are few and due times grow, so without it all writes would meet at one place.
CREATE TABLE IF NOT EXISTS tasks (
  type STRING(MAX) NOT NULL,
  id STRING(MAX) NOT NULL,
  invocation_id STRING(MAX),
  payload BYTES(MAX),
  create_time TIMESTAMP NOT NULL,
  process_after TIMESTAMP NOT NULL,
  attempt INT64 NOT NULL,
  fence INT64 NOT NULL,
  lease_until TIMESTAMP,
  last_error STRING(MAX)
) PRIMARY KEY (type, id);
