/**
 * Builders for tests: each makes a complete and plain value, with the properties that a test gives.
 */
import { createHash } from 'node:crypto';
import type { NewArtifact } from '../../../src/artifacts/artifact.ts';
import type { InvocationId } from '../../../src/invocations/id.ts';
import type { NewInvocation } from '../../../src/invocations/invocation.ts';
import type { NewTestExoneration } from '../../../src/results/exoneration.ts';
import type { NewTestResult } from '../../../src/results/test-result.ts';

const NOW = Date.UTC(2026, 0, 2, 3, 4, 5);
const HOUR_MS = 3_600_000;

export function invocationId(id: string): InvocationId {
  return id as InvocationId;
}

export function newInvocation(id: string, given: Partial<NewInvocation> = {}): NewInvocation {
  return {
    id: invocationId(id),
    realm: 'project:realm',
    createTime: NOW,
    createdBy: 'user:owner@example.org',
    deadline: NOW + HOUR_MS,
    expirationTime: NOW + 1000 * HOUR_MS,
    ...given,
  };
}

export function newTestResult(testId: string, given: Partial<NewTestResult> = {}): NewTestResult {
  return {
    testId,
    resultId: 'r1',
    variant: {},
    expected: true,
    status: 'PASS',
    summaryHtml: '',
    ...given,
  };
}

export function newExoneration(
  testId: string,
  given: Partial<NewTestExoneration> = {},
): NewTestExoneration {
  return { testId, exonerationId: 'e1', variant: {}, explanationHtml: '', reason: 0, ...given };
}

/** The content is the id, unless given. */
export function newArtifact(artifactId: string, given: Partial<NewArtifact> = {}): NewArtifact {
  const content = new TextEncoder().encode(artifactId);
  return {
    artifactId,
    result: undefined,
    contentType: 'text/plain',
    artifactType: '',
    sizeBytes: content.length,
    sha256: createHash('sha256').update(content).digest('hex'),
    content,
    ...given,
  };
}
