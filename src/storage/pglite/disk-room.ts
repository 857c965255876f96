/**
 * Keeps a reserve of the disk that an embedded database lies on. PostgreSQL within WebAssembly does
 * not come back from a write-ahead log that finds no room: it computes for ever, and the process
 * with it. So writes are refused before that: with an error that says so, while reads go on. Once
 * there is room again, they are taken again. What comes through all the same: surviving-instance.ts.
 */
import { statfsSync } from 'node:fs';
import { CodedError } from '../../errors.ts';
import type { Log } from '../../log.ts';

const MB = 1024 * 1024;
/** For a log of segments of 1 MB: what is begun is ended, and reads may write some, too. */
const RESERVE_BYTES = 10 * MB;
const WARN_AT_RESERVES = 4;
/** Of what is written: into the table, its indexes, and the log, there whole pages at first. */
const BYTES_PER_BYTE_WRITTEN = 4;

export interface DiskRoomConfig {
  readonly folder: string;
  /** Of a file of the write-ahead log. */
  readonly segmentBytes: number;
  readonly log: Log;
  readonly freeBytes?: (folder: string) => number;
}

type State = 'enough' | 'short' | 'refusing';

export class DiskRoom {
  readonly #config: DiskRoomConfig;
  readonly #reserveBytes: number;
  #state: State = 'enough';

  constructor(config: DiskRoomConfig) {
    this.#config = config;
    this.#reserveBytes = RESERVE_BYTES + 2 * (config.segmentBytes - MB);
  }

  /**
   * Throws `resource-exhausted`, with the reason `disk-full`, where the disk has no room for a write
   * of that size. It is asked each time: that takes microseconds, and others fill the disk, too.
   */
  require(bytes: number): void {
    const needed = this.#reserveBytes + bytes * BYTES_PER_BYTE_WRITTEN;
    const free = this.#look();
    if (free < needed) throw diskFull(this.#config.folder, free, needed);
  }

  /** Why all writes are refused now; `undefined` while small ones are taken. */
  shortage(): string | undefined {
    const free = this.#look();
    if (free >= this.#reserveBytes) return undefined;
    return `the disk is full (${inMb(free)} MB left): writes are refused until there is room`;
  }

  /** Little room is told once, until there is more of it. */
  #look(): number {
    const { folder, log, freeBytes = freeBytesOf } = this.#config;
    const free = freeBytes(folder);
    const state = this.#stateAt(free);
    if (state === this.#state) return free;
    const fields = { folder, freeMb: inMb(free), reserveMb: inMb(this.#reserveBytes) };
    if (state === 'refusing') log.error('the disk is full: writes are refused', fields);
    else if (this.#state === 'refusing')
      log.info('the disk has room again: writes are taken', fields);
    else if (state === 'short') log.warn('the disk is nearly full: writes will be refused', fields);
    this.#state = state;
    return free;
  }

  #stateAt(free: number): State {
    if (free < this.#reserveBytes) return 'refusing';
    return free < this.#reserveBytes * WARN_AT_RESERVES ? 'short' : 'enough';
  }
}

/** What the system gives to this user. */
export function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function diskFull(folder: string, free: number, needed: number): CodedError {
  const message = `the disk of ${folder} is full: ${inMb(free)} MB are left, and ${inMb(needed)} MB are needed; make room there`;
  return new CodedError('resource-exhausted', message, { reason: 'disk-full' });
}

function inMb(bytes: number): number {
  return Math.floor(bytes / MB);
}
