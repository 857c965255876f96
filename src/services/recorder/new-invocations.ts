/**
 * Creates one invocation or a batch: it checks permissions first, then the content, and then writes
 * everything or nothing in one transaction. Repeating a request with its request id writes nothing
 * and returns the existing invocations.
 */
import { CodedError } from '@postlude/queue/foundations';
import type { Transaction } from '@postlude/queue/storage';
import { startFinalization } from '../../finalizer/schedule.ts';
import {
  Invocation_State,
  type Invocation as InvocationMessage,
} from '../../gen/luci/resultdb/v1/invocation_pb.js';
import type { CreateInvocationRequest } from '../../gen/luci/resultdb/v1/recorder_pb.js';
import { type InvocationId, parseInvocationId, parseInvocationName } from '../../invocations/id.ts';
import { includeInvocations, includeKnown } from '../../invocations/inclusions.ts';
import type { NewInvocation } from '../../invocations/invocation.ts';
import { insertInvocations, readInvocations } from '../../invocations/invocations.ts';
import type { CallContext } from '../shared/call-context.ts';
import { inEach, inField, invalid } from '../shared/field.ts';
import { readInvocationMessage } from '../shared/invocation-message.ts';
import { type Authorizer, requirePermission, rootRealm } from '../shared/permissions.ts';
import { requireInRealms } from '../shared/readable.ts';
import type { RecorderParts } from './parts.ts';
import { mayPutBaseline } from './update-permissions.ts';
import { checkNewInvocation, checkRealm } from './validate-invocation.ts';

/** An invocation that passed all checks and may be created. */
export interface Creation {
  readonly created: NewInvocation;
  readonly included: readonly InvocationId[];
  readonly isFinalizing: boolean;
}

/** The fields that permissions depend on. They are checked before everything else. */
export interface Claim {
  readonly invocation: InvocationMessage;
  readonly id: string;
  readonly realm: string;
  readonly included: readonly InvocationId[];
}

/** Throws `invalid-argument` if the request does not determine which permissions it needs. */
export function checkClaim({ invocation, invocationId }: CreateInvocationRequest): Claim {
  return inField('invocation', () => {
    if (invocation === undefined) throw invalid('must be set');
    const realm = inField('realm', () => checkRealm(invocation.realm));
    const names = invocation.includedInvocations;
    const included = inEach('included_invocations', names, (name) => {
      const id = parseInvocationName(name);
      if (id === invocationId) throw invalid('must not name the invocation itself');
      return id;
    });
    return { invocation, id: invocationId, realm, included };
  });
}

/**
 * Permissions that reach beyond the realm are checked in the project's root realm, so that the owner
 * of a realm cannot export on behalf of others. Invocations of a batch may include one another.
 */
export async function authorizeCreation(
  { authorizer, db }: RecorderParts,
  context: CallContext,
  { claim, batch }: { readonly claim: Claim; readonly batch: readonly Claim[] },
): Promise<void> {
  const { id, included, invocation, realm } = claim;
  const { caller } = context;
  const root = rootRealm(realm);
  await requirePermission(authorizer, caller, { permission: 'resultdb.invocations.create', realm });
  if (!id.startsWith('u-')) {
    await requirePermission(authorizer, caller, {
      permission: 'resultdb.invocations.createWithReservedID',
      realm: root,
    });
  }
  if (invocation.bigqueryExports.length > 0) {
    await requirePermission(authorizer, caller, {
      permission: 'resultdb.invocations.exportToBigQuery',
      realm: root,
    });
  }
  if (invocation.producerResource !== '') {
    await requirePermission(authorizer, caller, {
      permission: 'resultdb.invocations.setProducerResource',
      realm: root,
    });
  }
  await authorizeDetails(authorizer, caller, invocation);
  const realms = new Map(batch.map((other) => [other.id, other.realm]));
  const permission = 'resultdb.invocations.include';
  const ofBatch = new Set(included.map((each) => realms.get(each)));
  for (const each of ofBatch) {
    if (each !== undefined)
      await requirePermission(authorizer, caller, { permission, realm: each });
  }
  const ids = included.filter((each) => !realms.has(each));
  await requireInRealms({ authorizer, db }, context, { permission, ids });
}

/** A baseline without its permission is left out: see `authorizeUpdate`. */
async function authorizeDetails(
  authorizer: Authorizer,
  caller: string,
  invocation: InvocationMessage,
): Promise<void> {
  const { baselineId, isExportRoot, realm } = invocation;
  if (isExportRoot) {
    await requirePermission(authorizer, caller, {
      permission: 'resultdb.invocations.setExportRoot',
      realm: rootRealm(realm),
    });
  }
  if (!(await mayPutBaseline(authorizer, caller, { baselineId, realm }))) {
    invocation.baselineId = '';
  }
}

/** Checks everything that permissions do not depend on. */
export function checkCreation(
  { clock, retention, schemes }: RecorderParts,
  { caller }: CallContext,
  { claim, requestId }: { readonly claim: Claim; readonly requestId: string },
): Creation {
  const { id, included, invocation, realm } = claim;
  const now = clock.now();
  const { expectedResultsMs, invocationMs } = retention.of(realm);
  const invocationId = inField('invocation_id', () => parseInvocationId(id));
  return {
    created: {
      id: invocationId,
      realm,
      createTime: now,
      createdBy: caller,
      createRequestId: requestId === '' ? undefined : requestId,
      expirationTime: now + invocationMs,
      expectedResultsExpirationTime: now + expectedResultsMs,
      ...inField('invocation', () => checkNewInvocation(invocation, { now, schemes })),
    },
    included,
    isFinalizing: invocation.state === Invocation_State.FINALIZING,
  };
}

/** Writes all of them, unless an earlier request of the same caller with the same id did; returns all. */
export async function createInvocations(
  parts: RecorderParts,
  { signal }: CallContext,
  creations: readonly Creation[],
): Promise<InvocationMessage[]> {
  await parts.db.write(
    async (tx) => {
      if (!(await isRepeated(tx, creations))) await insertAll(parts, tx, creations);
    },
    { signal },
  );
  return parts.db.read(
    async (tx) => {
      const messages: InvocationMessage[] = [];
      for (const { created } of creations)
        messages.push(await readInvocationMessage(tx, created.id));
      return messages;
    },
    { signal },
  );
}

/** Throws `already-exists` if an id is taken, unless the same request took it. */
async function isRepeated(tx: Transaction, creations: readonly Creation[]): Promise<boolean> {
  const existing = await readInvocations(
    tx,
    creations.map(({ created }) => created.id),
  );
  if (existing.size === 0) return false;
  const isSame = creations.every(({ created }) => {
    const there = existing.get(created.id);
    return (
      created.createRequestId !== undefined &&
      there?.createRequestId === created.createRequestId &&
      there.createdBy === created.createdBy
    );
  });
  if (isSame) return true;
  const [taken] = existing.keys();
  throw new CodedError('already-exists', `invocations/${taken} already exists`);
}

async function insertAll(
  parts: RecorderParts,
  tx: Transaction,
  creations: readonly Creation[],
): Promise<void> {
  await insertInvocations(
    tx,
    creations.map(({ created }) => created),
  );
  const inserted = new Set(creations.map(({ created }) => created.id));
  for (const { created, included, isFinalizing } of creations) {
    const known = included.filter((id) => inserted.has(id));
    const others = included.filter((id) => !inserted.has(id));
    if (others.length > 0) await includeInvocations(tx, created.id, others);
    if (known.length > 0) await includeKnown(tx, created.id, known);
    if (isFinalizing) await startFinalization(parts.finalizer, tx, { id: created.id, included });
  }
}
