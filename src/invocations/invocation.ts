/** An invocation: one run of a test command, as the database holds it. */
import type { EpochMs } from '@postlude/queue/foundations';
import type { EndCause } from './ending.ts';
import type { InvocationId } from './id.ts';
import type { InvocationState } from './state.ts';
import type { StringPair } from './string-pair.ts';

export interface Invocation {
  readonly id: InvocationId;
  readonly state: InvocationState;
  /** `project:realm`, which decides who may do what. */
  readonly realm: string;
  readonly createTime: EpochMs;
  /** `user:somebody@example.org`. */
  readonly createdBy: string | undefined;
  /** Makes a repeated request to create it harmless. */
  readonly createRequestId: string | undefined;
  /** The latest time at which it is finalized, whatever its owner does. */
  readonly deadline: EpochMs;
  readonly finalizeStartTime: EpochMs | undefined;
  readonly finalizeTime: EpochMs | undefined;
  /** The time from which it may be deleted. */
  readonly expirationTime: EpochMs;
  /** The time from which its expected results may be deleted. */
  readonly expectedResultsExpirationTime: EpochMs | undefined;
  /** The tags are sorted by key and value. */
  readonly tags: readonly StringPair[];
  readonly producerResource: string | undefined;
  /**
   * Each is a binary `luci.resultdb.v1.BigQueryExport`, and becomes an export task when it is
   * FINALIZED.
   */
  readonly bigqueryExports: readonly Uint8Array[];
  /** A binary `luci.resultdb.v1.HistoryOptions`. */
  readonly historyOptions: Uint8Array | undefined;
  /** A binary `google.protobuf.Struct`. */
  readonly properties: Uint8Array | undefined;
  /** A binary `luci.resultdb.v1.Invocation` of the short fields that have no column of their own. */
  readonly details: Uint8Array | undefined;
  /** When the server ends it if it is still ACTIVE, if that is before its deadline. */
  readonly endsAt: EpochMs | undefined;
  /** How long its recorder may be silent; `undefined` if there is no limit. */
  readonly lostAfterMs: number | undefined;
  /** When its recorder was last heard of. */
  readonly heartbeatTime: EpochMs | undefined;
  /** Identifies the process that records into it. */
  readonly recorder: string | undefined;
  /** It was announced, and no recorder has begun it yet. */
  readonly isExpected: boolean;
  /** The cause that ended it, if its owner had not finalized it. */
  readonly endedBy: EndCause | undefined;
  /** The reason that was given for that end. */
  readonly endReason: string | undefined;
  /** The number of the attempt, from 1; see attempts.ts. */
  readonly attempt: number;
  /** The number of the newest attempt, which only the first one knows. */
  readonly lastAttempt: number;
}

/** An invocation without what may be long, for reads of many. */
export type InvocationOutline = Omit<
  Invocation,
  'bigqueryExports' | 'historyOptions' | 'properties' | 'details' | 'tags'
>;

/** Returns when the server ends it if it is still ACTIVE then. */
export function activeUntil({
  deadline,
  endsAt,
}: Pick<Invocation, 'deadline' | 'endsAt'>): EpochMs {
  return Math.min(deadline, endsAt ?? deadline);
}

/** An invocation to create. */
export interface NewInvocation {
  readonly id: InvocationId;
  readonly realm: string;
  readonly createTime: EpochMs;
  readonly createdBy?: string | undefined;
  readonly createRequestId?: string | undefined;
  readonly deadline: EpochMs;
  readonly expirationTime: EpochMs;
  readonly expectedResultsExpirationTime?: EpochMs | undefined;
  /** The tags may be in any order. */
  readonly tags?: readonly StringPair[];
  readonly producerResource?: string | undefined;
  readonly bigqueryExports?: readonly Uint8Array[];
  readonly historyOptions?: Uint8Array | undefined;
  readonly properties?: Uint8Array | undefined;
  readonly details?: Uint8Array | undefined;
  /** See `readExtended`. */
  readonly extended?: Uint8Array | undefined;
  readonly endsAt?: EpochMs | undefined;
  readonly lostAfterMs?: number | undefined;
  readonly heartbeatTime?: EpochMs | undefined;
  readonly recorder?: string | undefined;
  /** `false` unless given. */
  readonly isExpected?: boolean | undefined;
  /** 1 unless given. */
  readonly attempt?: number | undefined;
}

/** The properties that may change while it is ACTIVE, or at any time (`lastAttempt`). */
export type InvocationChanges = Partial<
  Pick<
    Invocation,
    | 'deadline'
    | 'realm'
    | 'tags'
    | 'producerResource'
    | 'bigqueryExports'
    | 'historyOptions'
    | 'expectedResultsExpirationTime'
    | 'properties'
    | 'details'
    | 'endsAt'
    | 'lostAfterMs'
    | 'heartbeatTime'
    | 'recorder'
    | 'isExpected'
    | 'createdBy'
    | 'createTime'
    | 'lastAttempt'
  >
> & {
  /** See `readExtended`. */
  readonly extended?: Uint8Array | undefined;
};
