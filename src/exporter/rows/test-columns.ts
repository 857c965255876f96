/** The columns of a test result that say of which test it is, and what is known of that. */
import { fromBinary } from '@bufbuild/protobuf';
import {
  type BugComponent,
  type TestLocation,
  TestLocationSchema,
  TestMetadataSchema,
} from '../../gen/luci/resultdb/v1/test_metadata_pb.js';
import { type StringPair, sortPairs } from '../../invocations/string-pair.ts';
import { structuredIdOf } from '../../results/identity/structured-id.ts';
import type { TestResult } from '../../results/test-result.ts';
import type { Variant } from '../../results/variant.ts';

export interface LocationRecord {
  readonly repo: string;
  readonly file_name: string;
  readonly line: number;
}

export interface MetadataRecord {
  readonly name: string;
  readonly location: LocationRecord | undefined;
  readonly bug_component: BugComponentRecord | undefined;
  /** JSON. */
  readonly properties: string | undefined;
  readonly previous_test_id: string | undefined;
}

interface BugComponentRecord {
  readonly issue_tracker: { readonly component_id: number } | undefined;
  readonly monorail: { readonly project: string; readonly value: string } | undefined;
}

export interface TestIdRecord {
  readonly module_name: string;
  readonly module_scheme: string;
  /** JSON. */
  readonly module_variant: string;
  readonly module_variant_hash: string;
  readonly coarse_name: string;
  readonly fine_name: string;
  readonly case_name: string;
}

interface VariantColumns {
  readonly variant: readonly StringPair[];
  /** JSON with the keys in their order. */
  readonly json: string;
}

/** The last variant, which the next result mostly shares. */
let last: { readonly of: Variant; readonly columns: VariantColumns } = {
  of: {},
  columns: { variant: [], json: '{}' },
};

export function toVariantColumns(variant: Variant): VariantColumns {
  if (variant !== last.of) {
    const pairs = sortPairs(Object.entries(variant).map(([key, value]) => ({ key, value })));
    const json = JSON.stringify(Object.fromEntries(pairs.map(({ key, value }) => [key, value])));
    last = { of: variant, columns: { variant: pairs, json } };
  }
  return last.columns;
}

export function toTestIdRecord({ testId, variant, variantHash }: TestResult): TestIdRecord {
  const id = structuredIdOf(testId);
  return {
    module_name: id.moduleName,
    module_scheme: id.moduleScheme,
    module_variant: toVariantColumns(variant).json,
    module_variant_hash: variantHash,
    coarse_name: id.coarseName,
    fine_name: id.fineName,
    case_name: id.caseName,
  };
}

export function decodeLocation(encoded: Uint8Array | undefined): LocationRecord | undefined {
  return encoded && toLocationRecord(fromBinary(TestLocationSchema, encoded));
}

export function decodeMetadata(encoded: Uint8Array | undefined): MetadataRecord | undefined {
  if (encoded === undefined) return undefined;
  const metadata = fromBinary(TestMetadataSchema, encoded);
  const { bugComponent, location, name, previousTestId, properties } = metadata;
  return {
    name,
    location: location && toLocationRecord(location),
    bug_component: bugComponent && toBugComponentRecord(bugComponent),
    properties: properties && JSON.stringify(properties),
    previous_test_id: previousTestId === '' ? undefined : previousTestId,
  };
}

function toLocationRecord({ fileName, line, repo }: TestLocation): LocationRecord {
  return { repo, file_name: fileName, line };
}

function toBugComponentRecord({ system }: BugComponent): BugComponentRecord {
  const tracker = system.case === 'issueTracker' ? system.value : undefined;
  const monorail = system.case === 'monorail' ? system.value : undefined;
  return {
    issue_tracker: tracker && { component_id: Number(tracker.componentId) },
    monorail: monorail && { project: monorail.project, value: monorail.value },
  };
}
