/**
 * What a message would cost to decode: how many messages, fields and keys it holds, and how deeply they nest.
 * Two bytes may become an object of a hundred, so the size of a body does not bound the work and the
 * memory that its decoding takes. These limits do, and they are checked without decoding anything. The
 * event loop waits for decoding, so they are chosen to let it take less than a tenth of a second.
 */
import { CodedError } from '@postlude/queue/foundations';

/** Far more than a full batch of results with tags and properties holds. */
export const MAX_MESSAGES = 100_000;
export const MAX_FIELDS = 500_000;
/**
 * Of maps, and in JSON of all objects that have names which no field has. A key costs more than a field:
 * engines keep each new key, and each new set of them, in tables of their own.
 */
export const MAX_KEYS = 40_000;
/** The codec's own limit on messages in messages. */
export const MAX_DEPTH = 100;

export class MessageWeight {
  #messages = 0;
  #fields = 0;
  #keys = 0;

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

  addKey(): void {
    this.#keys++;
    if (this.#keys > MAX_KEYS) throw tooMuch(`more than ${MAX_KEYS} keys of maps`);
  }
}

export function malformed(problem: string, options?: { readonly cause: unknown }): CodedError {
  return new CodedError('invalid-argument', `the request cannot be decoded: ${problem}`, options);
}

function tooMuch(problem: string): CodedError {
  return new CodedError('resource-exhausted', `the request has ${problem}; send several`);
}
