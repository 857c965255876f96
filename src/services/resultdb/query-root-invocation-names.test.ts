import { create } from '@bufbuild/protobuf';
import { expect, test } from 'vitest';
import { eachDatabase } from '../../../test/support/databases/databases.ts';
import {
  contextOf,
  OWNER,
  openServices,
  type Services,
} from '../../../test/support/server/rpc-services.ts';
import { QueryRootInvocationNamesRequestSchema } from '../../gen/luci/resultdb/v1/resultdb_pb.js';
import { findRoots } from '../../invocations/above/roots.ts';
import { parseInvocationName } from '../../invocations/id.ts';
import { realmAuthorizer } from '../shared/permissions.ts';

async function rootsOf({ resultDb }: Services, name: string): Promise<string> {
  const request = create(QueryRootInvocationNamesRequestSchema, { name });
  const found = await resultDb.queryRootInvocationNames(request, contextOf(OWNER));
  return found.rootInvocationNames.map((root) => root.replace('invocations/', '')).join(' ');
}

/** Each creates its invocation, which includes the others. */
const GRAPH: readonly (readonly [id: string, ...included: readonly string[]])[] = [
  ['u-leaf'],
  ['u-left', 'u-leaf'],
  ['u-right', 'u-leaf'],
  ['u-top', 'u-left', 'u-right'],
  ['u-other', 'u-right'],
];

async function openGraph(services: Services): Promise<void> {
  for (const [id, ...included] of GRAPH) {
    await services.create(id, {
      includedInvocations: included.map((each) => `invocations/${each}`),
    });
  }
}

eachDatabase((open) => {
  test('the roots are all that nothing includes, each once and sorted', async () => {
    const services = await openServices(await open());
    await openGraph(services);
    expect(await rootsOf(services, 'invocations/u-leaf')).toBe('u-other u-top');
    expect(await rootsOf(services, 'invocations/u-left')).toBe('u-top');
    expect(await rootsOf(services, 'invocations/u-top')).toBe('u-top');
  });

  test('nothing is looked for above an export root', async () => {
    const services = await openServices(await open());
    await services.create('u-leaf');
    const includedInvocations = ['invocations/u-leaf'];
    await services.create('u-exported', { includedInvocations, isExportRoot: true });
    await services.create('u-top', { includedInvocations: ['invocations/u-exported'] });
    expect(await rootsOf(services, 'invocations/u-leaf')).toBe('u-exported');
    expect(await rootsOf(services, 'invocations/u-exported')).toBe('u-exported');
  });

  test('invocations that only include each other have no root', async () => {
    const services = await openServices(await open());
    await services.create('u-a');
    await services.create('u-b', { includedInvocations: ['invocations/u-a'] });
    await services.recorder.updateIncludedInvocations(
      {
        $typeName: 'luci.resultdb.v1.UpdateIncludedInvocationsRequest',
        includingInvocation: 'invocations/u-a',
        addInvocations: ['invocations/u-b'],
        removeInvocations: [],
      },
      services.owner('u-a'),
    );
    expect(await rootsOf(services, 'invocations/u-a')).toBe('');
  });

  test('the number of invocations that are looked at is bounded', async () => {
    const db = await open();
    await openGraph(await openServices(db));
    const find = (limit: number) =>
      db.read((reader) => findRoots(reader, parseInvocationName('invocations/u-leaf'), limit));
    expect(await find(4)).toEqual(['u-other', 'u-top']);
    await expect(find(3)).rejects.toMatchObject({ code: 'resource-exhausted' });
  });

  test('only those who may read the invocation are told', async () => {
    const db = await open();
    await openGraph(await openServices(db));
    const services = await openServices(db, { authorizer: realmAuthorizer({}) });
    await expect(rootsOf(services, 'invocations/u-leaf')).rejects.toThrow(
      'resultdb.invocations.get',
    );
    await expect(rootsOf(services, 'u-leaf')).rejects.toThrow('name: not the name');
    await expect(rootsOf(services, 'invocations/u-none')).rejects.toThrow('does not exist');
  });
});
