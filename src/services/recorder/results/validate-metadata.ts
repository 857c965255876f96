/** Checks what a result says of its test, apart from the run. */
import { toBinary } from '@bufbuild/protobuf';
import {
  type BugComponent,
  type TestLocation,
  type TestMetadata,
  TestMetadataSchema,
} from '../../../gen/luci/resultdb/v1/test_metadata_pb.js';
import { checkTestId } from '../../../results/identity/check-id.ts';
import {
  MAX_FILE_NAME_BYTES,
  MAX_METADATA_PROPERTIES_BYTES,
  MAX_REPO_BYTES,
  MAX_TEST_NAME_BYTES,
} from '../../../results/limits.ts';
import { inField, invalid, requireText } from '../../shared/field.ts';
import { encodeProperties } from '../../shared/invocation-message.ts';

const MONORAIL_PROJECT = /^[a-z0-9]{1,63}$/;
const MONORAIL_VALUE = /^[a-zA-Z]([-_]?[a-zA-Z0-9])+(>[a-zA-Z]([-_]?[a-zA-Z0-9])+)*$/;
const MAX_MONORAIL_VALUE = 600;

/** Returns it in the form of the record. Throws `invalid-argument`. */
export function checkMetadata(metadata: TestMetadata | undefined): Uint8Array | undefined {
  if (metadata === undefined) return undefined;
  const { bugComponent, properties, previousTestId } = metadata;
  if (bugComponent) inField('bug_component', () => checkBugComponent(bugComponent));
  inField('name', () => requireText(metadata.name, MAX_TEST_NAME_BYTES));
  inField('location', () => {
    if (metadata.location === undefined) return;
    const { repo } = metadata.location;
    if (repo === '') throw invalid('repo: must not be empty');
    if (!repo.startsWith('https://')) throw invalid('repo: must start with https://');
    checkLocation(metadata.location);
  });
  if (metadata.propertiesSchema !== '') throw invalid('properties_schema: may not be set');
  inField('properties', () => checkProperties(properties));
  if (previousTestId !== '') inField('previous_test_id', () => checkTestId(previousTestId));
  return toBinary(TestMetadataSchema, metadata);
}

function checkBugComponent({ system }: BugComponent): void {
  if (system.case === undefined) throw invalid('bug system is required for bug components');
  if (system.case === 'issueTracker') {
    if (system.value.componentId <= 0n) throw invalid('issue_tracker.component_id: is invalid');
    return;
  }
  const { project, value } = system.value;
  if (!(MONORAIL_PROJECT.test(project) && /[a-z]/.test(project))) {
    throw invalid('monorail.project: is invalid');
  }
  if (value.length > MAX_MONORAIL_VALUE || !MONORAIL_VALUE.test(value)) {
    throw invalid('monorail.value: is invalid');
  }
}

function checkProperties(properties: TestMetadata['properties']): void {
  const size = encodeProperties(properties)?.length ?? 0;
  if (size > MAX_METADATA_PROPERTIES_BYTES) {
    throw invalid(`exceeds the maximum size of ${MAX_METADATA_PROPERTIES_BYTES} bytes`);
  }
}

/** Throws `invalid-argument`. */
export function checkLocation(location: TestLocation): void {
  inField('repo', () => {
    requireText(location.repo, MAX_REPO_BYTES);
    if (location.repo.endsWith('.git')) throw invalid('must not end with .git');
  });
  inField('file_name', () => checkFileName(location.fileName));
  if (location.line < 0) throw invalid('line: must not be negative');
}

function checkFileName(name: string): void {
  if (name === '') throw invalid('must not be empty');
  requireText(name, MAX_FILE_NAME_BYTES);
  if (!name.startsWith('//')) throw invalid('must start with //');
  if (name.includes('\\')) throw invalid('must not contain a backslash');
  if (name.endsWith('/')) throw invalid('must not end with /');
}
