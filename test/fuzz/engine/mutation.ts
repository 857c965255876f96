/** Changes inputs at random: bytes, words of a dictionary, pieces of other inputs, repetitions. */
import { type Random, randomInt } from '@postlude/queue/foundations';

/** Texts that have broken readers of any kind before. */
const COMMON_WORDS: readonly string[] = [
  ...[
    '\0',
    '\n',
    '\r',
    '\r\n',
    '\t',
    ' ',
    '\u00a0',
    '\u2028',
    '\ufeff',
    '\ufffd',
    '\u202e',
    '\u0085',
  ],
  ...[
    '\u200d',
    'e\u0301',
    '\u{1f98a}',
    '\u{10ffff}',
    '\uffff',
    '"',
    "'",
    '\\',
    '/',
    '%',
    '$&',
    '../',
  ],
  ...[
    '0',
    '-0',
    '-1',
    '1e999',
    '9007199254740993',
    '99999999999999999999',
    '0.1',
    'NaN',
    'Infinity',
  ],
  ...['null', 'true', '{}', '[]', '__proto__', 'constructor', 'toString', 'prototype'],
];
/** Bytes that are not UTF-8 by themselves. */
const STRANGE_BYTES = [0x00, 0x7f, 0x80, 0xbf, 0xc0, 0xe2, 0xed, 0xf4, 0xff];
const MAX_LENGTH = 16 * 1024;
/** One in so many inputs is long, as only those show that work grows with the square of the input. */
const LONG_EVERY = 400;
const LONG_LENGTH = 100_000;

export interface MutationSources {
  readonly words: readonly Buffer[];
  /** Other inputs, of which pieces are taken. */
  readonly others: readonly Buffer[];
}

export function wordsOf(dictionary: readonly string[]): Buffer[] {
  return [...dictionary, ...COMMON_WORDS].map((word) => Buffer.from(word));
}

type Mutation = (input: Buffer, random: Random, sources: MutationSources) => Buffer;

const MUTATIONS: readonly Mutation[] = [
  flipBit,
  setByte,
  insertWord,
  insertWord,
  insertWord,
  replaceByWord,
  removeRange,
  removeRange,
  copyRange,
  repeatRange,
  takePiece,
  cutEnd,
];

/** Returns a changed copy. The same numbers of `random` make the same copy. */
export function mutate(input: Buffer, random: Random, sources: MutationSources): Buffer {
  let mutated = input;
  for (let left = 1 + randomInt(random, 6); left > 0; left--) {
    const mutation = pick(MUTATIONS, random) ?? flipBit;
    mutated = mutation(mutated, random, sources).subarray(0, MAX_LENGTH);
  }
  if (randomInt(random, LONG_EVERY) > 0) return mutated;
  const word = pick(sources.words, random) ?? Buffer.from(' ');
  const many = Buffer.concat(Array(Math.ceil(LONG_LENGTH / Math.max(1, word.length))).fill(word));
  return insert(mutated, randomInt(random, mutated.length + 1), many);
}

export function pick<T>(items: readonly T[], random: Random): T | undefined {
  return items[randomInt(random, items.length)];
}

function flipBit(input: Buffer, random: Random): Buffer {
  const copy = Buffer.from(input);
  const at = randomInt(random, Math.max(1, copy.length));
  copy[at] = (copy[at] ?? 0) ^ (1 << randomInt(random, 8));
  return copy;
}

function setByte(input: Buffer, random: Random): Buffer {
  const copy = Buffer.from(input);
  const isStrange = random() < 0.2;
  const byte = isStrange ? pick(STRANGE_BYTES, random) : 0x20 + randomInt(random, 0x5f);
  copy[randomInt(random, Math.max(1, copy.length))] = byte ?? 0;
  return copy;
}

function insertWord(input: Buffer, random: Random, { words }: MutationSources): Buffer {
  return insert(input, randomInt(random, input.length + 1), pick(words, random));
}

function replaceByWord(input: Buffer, random: Random, { words }: MutationSources): Buffer {
  const { start, end } = range(input, random);
  return Buffer.concat([
    input.subarray(0, start),
    pick(words, random) ?? EMPTY,
    input.subarray(end),
  ]);
}

function removeRange(input: Buffer, random: Random): Buffer {
  const { start, end } = range(input, random);
  return Buffer.concat([input.subarray(0, start), input.subarray(end)]);
}

function copyRange(input: Buffer, random: Random): Buffer {
  const { start, end } = range(input, random);
  return insert(input, randomInt(random, input.length + 1), input.subarray(start, end));
}

function repeatRange(input: Buffer, random: Random): Buffer {
  const { start, end } = range(input, random);
  const times = 2 ** (1 + randomInt(random, 8));
  return insert(input, end, Buffer.concat(Array(times).fill(input.subarray(start, end))));
}

function takePiece(input: Buffer, random: Random, { others }: MutationSources): Buffer {
  const other = pick(others, random) ?? EMPTY;
  const { start, end } = range(other, random);
  return insert(input, randomInt(random, input.length + 1), other.subarray(start, end));
}

function cutEnd(input: Buffer, random: Random): Buffer {
  return input.subarray(0, randomInt(random, input.length + 1));
}

const EMPTY = Buffer.alloc(0);

function insert(input: Buffer, at: number, added: Buffer | undefined): Buffer {
  return Buffer.concat([input.subarray(0, at), added ?? EMPTY, input.subarray(at)]);
}

/** Short ranges are more likely. */
function range(input: Buffer, random: Random): { readonly start: number; readonly end: number } {
  const start = randomInt(random, input.length + 1);
  const length = Math.floor(random() ** 3 * (input.length - start + 1));
  return { start, end: start + length };
}
