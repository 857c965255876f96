/** An invocation: one run of a test command, as the database holds it. */
import type { EpochMs } from '../clock.ts';
import type { EndCause } from './ending.ts';
import type { InvocationId } from './id.ts';
import type { InvocationState } from './state.ts';
import type { StringPair } from './string-pair.ts';

export interface Invocation {
  readonly id: InvocationId;
  readonly state: InvocationState;
  /** `project:realm`: who may do what. */
  readonly realm: string;
  readonly createTime: EpochMs;
  /** `user:somebody@example.org`. */
  readonly createdBy: string | undefined;
  /** Makes a repeated request to create it harmless. */
  readonly createRequestId: string | undefined;
  /** When it is finalized at the latest, whatever its owner does. */
  readonly deadline: EpochMs;
  readonly finalizeStartTime: EpochMs | undefined;
  readonly finalizeTime: EpochMs | undefined;
  /** When it may be deleted. */
  readonly expirationTime: EpochMs;
  /** When its expected results may be deleted. */
  readonly expectedResultsExpirationTime: EpochMs | undefined;
  /** Sorted by key and value. */
  readonly tags: readonly StringPair[];
  readonly producerResource: string | undefined;
  /** Each a binary `luci.resultdb.v1.BigQueryExport`; one export task each when it is FINALIZED. */
  readonly bigqueryExports: readonly Uint8Array[];
  /** A binary `luci.resultdb.v1.HistoryOptions`. */
  readonly historyOptions: Uint8Array | undefined;
  /** A binary `google.protobuf.Struct`. */
  readonly properties: Uint8Array | undefined;
  /** When the server ends it if it is still ACTIVE, where that is before its deadline. */
  readonly endsAt: EpochMs | undefined;
  /** How long its recorder may be silent; for ever where there is none. */
  readonly lostAfterMs: number | undefined;
  /** When its recorder was last heard of. */
  readonly heartbeatTime: EpochMs | undefined;
  /** Names the process that records into it. */
  readonly recorder: string | undefined;
  /** It was announced, and nobody has begun it yet. */
  readonly isExpected: boolean;
  /** How it left ACTIVE, where that was not its owner's word. */
  readonly endedBy: EndCause | undefined;
  /** What was said of that end. */
  readonly endReason: string | undefined;
  /** From 1; see attempts.ts. */
  readonly attempt: number;
  /** The newest attempt, as the first one knows it. */
  readonly lastAttempt: number;
}

/** When the server ends it, if it is still ACTIVE then. */
export function activeUntil({
  deadline,
  endsAt,
}: Pick<Invocation, 'deadline' | 'endsAt'>): EpochMs {
  return Math.min(deadline, endsAt ?? deadline);
}

/** What it is created with; what is left out is absent. */
export interface NewInvocation {
  readonly id: InvocationId;
  readonly realm: string;
  readonly createTime: EpochMs;
  readonly createdBy?: string | undefined;
  readonly createRequestId?: string | undefined;
  readonly deadline: EpochMs;
  readonly expirationTime: EpochMs;
  readonly expectedResultsExpirationTime?: EpochMs | undefined;
  /** In any order. */
  readonly tags?: readonly StringPair[];
  readonly producerResource?: string | undefined;
  readonly bigqueryExports?: readonly Uint8Array[];
  readonly historyOptions?: Uint8Array | undefined;
  readonly properties?: Uint8Array | undefined;
  readonly endsAt?: EpochMs | undefined;
  readonly lostAfterMs?: number | undefined;
  readonly heartbeatTime?: EpochMs | undefined;
  readonly recorder?: string | undefined;
  /** `false` unless given. */
  readonly isExpected?: boolean | undefined;
  /** 1 unless given. */
  readonly attempt?: number | undefined;
}

/** What may change while it is ACTIVE, or at any time (`lastAttempt`); the rest stays as it is. */
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
    | 'endsAt'
    | 'lostAfterMs'
    | 'heartbeatTime'
    | 'recorder'
    | 'isExpected'
    | 'createdBy'
    | 'createTime'
    | 'lastAttempt'
  >
>;
