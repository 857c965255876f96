/** Writes graphs of invocations and their results into a database, for exports to read. */
import {
  create,
  fromJson,
  type JsonObject,
  type MessageInitShape,
  toBinary,
} from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import type { Database } from '@postlude/queue/storage';
import { InvocationSchema } from '../../../src/gen/luci/resultdb/v1/invocation_pb.js';
import { type InvocationId, toRowId } from '../../../src/invocations/id.ts';
import { includeInvocations } from '../../../src/invocations/inclusions.ts';
import { insertInvocations } from '../../../src/invocations/invocations.ts';
import type { InvocationState } from '../../../src/invocations/state.ts';
import { STATE_NUMBERS } from '../../../src/invocations/state.ts';
import type { StringPair } from '../../../src/invocations/string-pair.ts';
import { invocations } from '../../../src/invocations/table.ts';
import { recordExonerations } from '../../../src/results/exonerations.ts';
import type { NewTestResult } from '../../../src/results/test-result.ts';
import { recordTestResults } from '../../../src/results/test-results.ts';
import type { Variant } from '../../../src/results/variant.ts';

export interface GraphNode {
  readonly state?: InvocationState;
  readonly realm?: string;
  readonly tags?: readonly StringPair[];
  readonly properties?: JsonObject;
  /** The fields that have no column of their own. */
  readonly fields?: MessageInitShape<typeof InvocationSchema>;
  readonly includes?: readonly string[];
  readonly results?: readonly (Pick<NewTestResult, 'testId'> & Partial<NewTestResult>)[];
  readonly exonerations?: readonly { readonly testId: string; readonly variant?: Variant }[];
}

export const GRAPH_CREATE_TIME = Date.UTC(2026, 0, 2, 3, 4, 5);

/** Writes invocations by id. They are FINALIZED unless the graph says otherwise. */
export async function writeGraph(
  db: Database,
  graph: Readonly<Record<string, GraphNode>>,
): Promise<void> {
  const nodes = Object.entries(graph).map(([id, node]) => ({ id: id as InvocationId, ...node }));
  await db.write((tx) =>
    insertInvocations(
      tx,
      nodes.map(({ fields, id, properties, realm = 'acme:ci', tags = [] }) => ({
        id,
        realm,
        tags,
        properties: properties && toBinary(StructSchema, fromJson(StructSchema, properties)),
        ...storeFields(fields),
        createTime: GRAPH_CREATE_TIME,
        deadline: GRAPH_CREATE_TIME + 3_600_000,
        expirationTime: GRAPH_CREATE_TIME + 86_400_000,
      })),
    ),
  );
  for (const node of nodes) {
    await db.write(async (tx) => {
      await includeInvocations(tx, node.id, (node.includes ?? []) as InvocationId[]);
      await recordTestResults(tx, node.id, (node.results ?? []).map(completeResult));
      await recordExonerations(tx, node.id, (node.exonerations ?? []).map(completeExoneration));
      const state = node.state ?? 'FINALIZED';
      const finalizeTime = state === 'FINALIZED' ? GRAPH_CREATE_TIME + 60_000 : undefined;
      await tx.update(invocations, [
        { invocationId: toRowId(node.id), state: STATE_NUMBERS[state], finalizeTime },
      ]);
    });
  }
}

/** Splits the fields into those that are read with the invocation, and those that may be long. */
function storeFields(fields: GraphNode['fields'] = {}) {
  const { extendedProperties = {} } = fields;
  const details = create(InvocationSchema, { ...fields, extendedProperties: {} });
  return {
    details: toBinary(InvocationSchema, details),
    extended: toBinary(InvocationSchema, create(InvocationSchema, { extendedProperties })),
  };
}

function completeResult(
  result: Pick<NewTestResult, 'testId'> & Partial<NewTestResult>,
): NewTestResult {
  return {
    resultId: '0',
    variant: {},
    expected: true,
    status: result.expected === false ? 'FAIL' : 'PASS',
    summaryHtml: '',
    ...result,
  };
}

function completeExoneration(
  { testId, variant = {} }: { readonly testId: string; readonly variant?: Variant },
  index: number,
) {
  return { testId, variant, exonerationId: String(index), explanationHtml: 'known', reason: 1 };
}
