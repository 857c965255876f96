/**
 * Keeps a reserve on the disk of an embedded database. If PostgreSQL within WebAssembly finds no room for
 * its write-ahead log, it loops for ever, and blocks the process. So writes are refused before that, with
 * an error that says so, while reads still work. Writes are accepted again when there is room.
 * surviving-instance.ts handles a disk that becomes full all the same.
 */
import { statfsSync } from 'node:fs';
import { CodedError } from '../../foundations/errors.ts';
import type { Log } from '../../foundations/log.ts';

const MB = 1024 * 1024;
/** The reserve for a log with segments of 1 MB: it lets open transactions end, and reads write a little. */
const RESERVE_BYTES = 10 * MB;
const WARN_AT_RESERVES = 4;
/** How often each byte is written: to the table, its indexes, and the log, which begins with whole pages. */
const BYTES_PER_BYTE_WRITTEN = 4;

export interface DiskRoomConfig {
  readonly folder: string;
  /** The size of a file of the write-ahead log. */
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
   * Throws `resource-exhausted`, with the reason `disk-full`, if the disk has no room for a write of that
   * size. It checks the disk each time, which takes microseconds, as other processes write to it, too.
   */
  require(bytes: number): void {
    const needed = this.#reserveBytes + bytes * BYTES_PER_BYTE_WRITTEN;
    const free = this.#look();
    if (free < needed) throw diskFull(this.#config.folder, free, needed);
  }

  /** Returns why all writes are refused now; `undefined` if small ones are accepted. */
  shortage(): string | undefined {
    const free = this.#look();
    if (free >= this.#reserveBytes) return undefined;
    return `the disk is full (${inMb(free)} MB left): writes are refused until there is room`;
  }

  /** Logs a shortage once, until there is more room. */
  #look(): number {
    const { folder, log, freeBytes = freeBytesOf } = this.#config;
    const free = freeBytes(folder);
    const state = this.#stateAt(free);
    if (state === this.#state) return free;
    const fields = { folder, freeMb: inMb(free), reserveMb: inMb(this.#reserveBytes) };
    if (state === 'refusing') log.error('the disk is full; writes are refused', fields);
    else if (this.#state === 'refusing')
      log.info('the disk has room again; writes are accepted', fields);
    else if (state === 'short')
      log.warn('the disk is nearly full; writes will be refused soon', fields);
    this.#state = state;
    return free;
  }

  #stateAt(free: number): State {
    if (free < this.#reserveBytes) return 'refusing';
    return free < this.#reserveBytes * WARN_AT_RESERVES ? 'short' : 'enough';
  }
}

/** Returns the free space that this user may use. */
export function freeBytesOf(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}

export function diskFull(folder: string, free: number, needed: number): CodedError {
  const message = `the disk of ${folder} is full: ${inMb(free)} MB are left, and ${inMb(needed)} MB are needed; free some space there`;
  return new CodedError('resource-exhausted', message, { reason: 'disk-full' });
}

function inMb(bytes: number): number {
  return Math.floor(bytes / MB);
}
