import type { MessageInitShape } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import { type GraphNode, writeGraph } from '../../../test/support/exports/export-graph.ts';
import type { SourceSpecSchema } from '../../gen/luci/resultdb/v1/source_pb.js';
import type { InvocationId } from '../id.ts';
import { requireInvocation } from '../invocations.ts';
import { InheritedSources } from './inherited-sources.ts';

const INHERIT = { inherit: true };
const node = (
  sourceSpec: MessageInitShape<typeof SourceSpecSchema>,
  ...includes: string[]
): GraphNode => ({ fields: { sourceSpec }, includes });
const sourcesAt = (position: bigint) => ({
  sources: { baseSources: { case: 'gitilesCommit' as const, value: { position } } },
});

eachDatabase((open) => {
  /** Returns the position of the commit that `id` tested. */
  async function positionOf(
    graph: Readonly<Record<string, GraphNode>>,
    { id = 'leaf', outside = [] as readonly string[] } = {},
  ): Promise<bigint | undefined> {
    const db = await open();
    await writeGraph(db, graph);
    const inherited = new InheritedSources((other) => !outside.includes(other));
    const sources = await db.read(async (reader) =>
      inherited.read(reader, await requireInvocation(reader, id as InvocationId)),
    );
    const base = sources?.baseSources;
    return base?.case === 'gitilesCommit' ? base.value.position : undefined;
  }

  test('an invocation has its own sources, whatever includes it', async () => {
    const graph = { root: node(sourcesAt(1n), 'leaf'), leaf: node(sourcesAt(2n)) };
    expect(await positionOf(graph)).toBe(2n);
  });

  test('without a word of its sources they are not known', async () => {
    expect(await positionOf({ root: node(sourcesAt(1n), 'leaf'), leaf: {} })).toBeUndefined();
  });

  test('sources are inherited through invocations that inherit them in turn', async () => {
    const graph = {
      root: node(sourcesAt(1n), 'shard'),
      shard: node(INHERIT, 'leaf'),
      leaf: node(INHERIT),
    };
    expect(await positionOf(graph)).toBe(1n);
  });

  test('an invocation that does not inherit passes nothing on', async () => {
    const graph = {
      root: node(sourcesAt(1n), 'shard'),
      shard: { includes: ['leaf'] },
      leaf: node(INHERIT),
    };
    expect(await positionOf(graph)).toBeUndefined();
  });

  test('the nearest sources count, and of equally near ones those of the smallest id', async () => {
    const graph = {
      far: node(sourcesAt(1n), 'b-near'),
      'b-near': node(sourcesAt(2n), 'leaf'),
      'a-near': node(INHERIT, 'leaf'),
      'c-near': node(sourcesAt(3n), 'leaf'),
      a: node(sourcesAt(4n), 'a-near'),
      leaf: node(INHERIT),
    };
    expect(await positionOf(graph)).toBe(2n);
  });

  test('nothing is inherited from outside', async () => {
    const graph = { root: node(sourcesAt(1n), 'leaf'), leaf: node(INHERIT) };
    expect(await positionOf(graph, { outside: ['root'] })).toBeUndefined();
  });

  test('invocations that inherit from each other have none', async () => {
    const graph = { a: node(INHERIT, 'leaf'), leaf: node(INHERIT, 'a') };
    expect(await positionOf(graph)).toBeUndefined();
  });
});
