/**
 * Messages that are kept in a file until their run is over, in the order in which they came. So any number of
 * them takes little memory, and they can be sent again, and to another place.
 */
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import type { DescMessage, MessageShape } from '@bufbuild/protobuf';
import { sizeDelimitedDecodeStream, sizeDelimitedEncode } from '@bufbuild/protobuf/wire';

export class Journal<D extends DescMessage> {
  readonly #desc: D;
  readonly #path: string;
  readonly #file: FileHandle;
  #length = 0;

  private constructor(desc: D, path: string, file: FileHandle) {
    this.#desc = desc;
    this.#path = path;
    this.#file = file;
  }

  static async open<D extends DescMessage>(desc: D, path: string): Promise<Journal<D>> {
    return new Journal(desc, path, await open(path, 'wx', 0o600));
  }

  /** The number of bytes: the place at which the next message will begin. */
  get length(): number {
    return this.#length;
  }

  /** Appends all messages, or none. Only one call may be under way. */
  async append(messages: readonly MessageShape<D>[]): Promise<void> {
    const bytes = Buffer.concat(messages.map((each) => sizeDelimitedEncode(this.#desc, each)));
    for (let at = 0; at < bytes.length; ) {
      const rest = bytes.length - at;
      at += (await this.#file.write(bytes, at, rest, this.#length + at)).bytesWritten;
    }
    this.#length += bytes.length;
  }

  /** Yields the messages between two places. */
  async *read(from = 0, to = this.#length): AsyncGenerator<MessageShape<D>> {
    if (from >= to) return;
    const stream = createReadStream(this.#path, { start: from, end: to - 1 });
    yield* sizeDelimitedDecodeStream(this.#desc, stream);
  }

  close(): Promise<void> {
    return this.#file.close();
  }
}
