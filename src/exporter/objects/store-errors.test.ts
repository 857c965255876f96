import { expect, test } from 'vitest';
import { explainGcs, GcsError } from './gcs/gcs-errors.ts';
import { explainS3 } from './s3/s3-errors.ts';

/** An error as the client of S3 throws it. */
function s3Error(name: string, status: number, message = 'it says why'): Error {
  return Object.assign(new Error(message), { name, $metadata: { httpStatusCode: status } });
}

test.each([
  [
    s3Error('NoSuchBucket', 404),
    'misconfigured',
    'it says why: create the bucket, or correct its name',
  ],
  [s3Error('AccessDenied', 403), 'misconfigured', /: grant s3:GetObject, s3:PutObject/],
  // The response to HEAD has no body, so the error has no name.
  [s3Error('403', 403, 'UnknownError'), 'misconfigured', /^s3:\/\/b\/k: AccessDenied: grant/],
  [s3Error('RequestTimeTooSkewed', 403), 'misconfigured', /set this machine's clock$/],
  [s3Error('SlowDown', 503), 'unavailable', 's3://b/k: it says why'],
  [new Error('socket hang up'), 'unavailable', 's3://b/k: socket hang up'],
])('S3: %s', (error, code, message) => {
  const explained = explainS3(error, 's3://b/k');
  expect(explained).toMatchObject({ code, cause: error });
  expect(explained.message).toMatch(message);
});

test.each([
  [
    new GcsError(403, 'no'),
    'misconfigured',
    'gs://b/k: no: grant the role roles/storage.objectUser',
  ],
  [new GcsError(404, 'no'), 'misconfigured', 'no: create the bucket'],
  [
    new Error('Could not load the default credentials.'),
    'misconfigured',
    'correct the credentials',
  ],
  [new GcsError(503, 'busy'), 'unavailable', 'gs://b/k: busy'],
  [new TypeError('fetch failed'), 'unavailable', 'gs://b/k: fetch failed'],
])('GCS: %s', (error, code, message) => {
  const explained = explainGcs(error, 'gs://b/k');
  expect(explained).toMatchObject({ code, cause: error });
  expect(explained.message).toContain(message);
});
