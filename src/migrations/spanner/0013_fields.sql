-- What the columns mean stands in src/migrations/postgres/0013_fields.sql.
ALTER TABLE test_results ADD COLUMN IF NOT EXISTS details BYTES(MAX);

ALTER TABLE test_exonerations ADD COLUMN IF NOT EXISTS reason INT64;

ALTER TABLE invocations ADD COLUMN IF NOT EXISTS details BYTES(MAX);

ALTER TABLE invocations ADD COLUMN IF NOT EXISTS extended BYTES(MAX);
