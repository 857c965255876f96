/**
 * What a message would cost to decode: how many messages and fields it holds, and how deeply they nest.
 * Two bytes may become an object of a hundred, so the size of a body does not bound the work and the
 * memory that its decoding takes. These limits do, and they are checked without decoding anything.
 */
import { CodedError } from '@postlude/queue/foundations';

/** Far more than a full batch of results with tags and properties holds. */
export const MAX_MESSAGES = 250_000;
export const MAX_FIELDS = 2_000_000;
/** The codec's own limit on messages in messages. */
export const MAX_DEPTH = 100;

export class MessageWeight {
  #messages = 0;
  #fields = 0;

  addMessage(depth: number): void {
    this.#messages++;
    if (this.#messages > MAX_MESSAGES) {
      throw tooMuch(`more than ${MAX_MESSAGES} messages`);
    }
    if (depth > MAX_DEPTH) throw malformed(`it nests more than ${MAX_DEPTH} messages`);
  }

  addFields(count: number): void {
    this.#fields += count;
    if (this.#fields > MAX_FIELDS) throw tooMuch(`more than ${MAX_FIELDS} fields`);
  }
}

export function malformed(problem: string, options?: { readonly cause: unknown }): CodedError {
  return new CodedError('invalid-argument', `the request cannot be decoded: ${problem}`, options);
}

function tooMuch(problem: string): CodedError {
  return new CodedError('resource-exhausted', `the request has ${problem}; send several`);
}
