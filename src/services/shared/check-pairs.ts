/** Checks key-value pairs: tags, and the pairs of a variant. */
import { toBinary } from '@bufbuild/protobuf';
import { boundedText } from '@postlude/queue/foundations';
import { type Variant, VariantSchema } from '../../gen/luci/resultdb/v1/common_pb.js';
import { type StringPair, sortPairs } from '../../invocations/string-pair.ts';
import { problemOfPrintable } from '../../results/identity/printable.ts';
import {
  MAX_TAG_KEY_LENGTH,
  MAX_TAG_VALUE_BYTES,
  MAX_TAGS_BYTES,
  MAX_VARIANT_BYTES,
} from '../../results/limits.ts';
import { inField, invalid, requireMatch, requireText } from './field.ts';

const KEY_PATTERN = /^[a-z][a-z0-9_]*(\/[a-z][a-z0-9_]*)*$/;

/** Longer keys and values are cut off where messages quote them. */
const MAX_QUOTED = 300;

function quote(text: string): string {
  return JSON.stringify(boundedText(text, MAX_QUOTED));
}

/** Messages name the pair: `"os":"": key: …`. */
export function checkPair(key: string, value: string): StringPair {
  return inField(`${quote(key)}:${quote(value)}`, () => checkKeyAndValue(key, value));
}

function checkKeyAndValue(key: string, value: string): StringPair {
  inField('key', () => {
    requireMatch(key, KEY_PATTERN);
    if (key.length > MAX_TAG_KEY_LENGTH)
      throw invalid(`is longer than ${MAX_TAG_KEY_LENGTH} characters`);
  });
  inField('value', () => requireText(value, MAX_TAG_VALUE_BYTES));
  return { key, value };
}

/** Returns the tags sorted by key and value. A key may occur several times. */
export function checkTags(field: string, tags: readonly StringPair[]): StringPair[] {
  const pairs = inField(field, () => tags.map(({ key, value }) => checkPair(key, value)));
  const size = pairs.reduce(
    (sum, { key, value }) => sum + key.length + Buffer.byteLength(value),
    0,
  );
  if (size > MAX_TAGS_BYTES) {
    throw invalid(`${field}: have ${size} bytes; at most ${MAX_TAGS_BYTES} are allowed`);
  }
  return sortPairs(pairs);
}

/**
 * Returns the pairs of a variant; none if there is no variant. A variant's hash is of lines `key:value`, so
 * that a value with a line break would pass for two pairs.
 */
export function checkVariant(variant: Variant | undefined): Readonly<Record<string, string>> {
  const pairs = Object.entries(variant?.def ?? {});
  requireVariantSize(variant);
  for (const [key, value] of pairs) {
    inField(`${quote(key)}:${quote(value)}`, () => {
      checkKeyAndValue(key, value);
      inField('value', () => requirePrintable(value));
    });
  }
  return Object.fromEntries(pairs);
}

function requireVariantSize(variant: Variant | undefined): void {
  const size = variant === undefined ? 0 : toBinary(VariantSchema, variant).length;
  if (size > MAX_VARIANT_BYTES) {
    throw invalid(`got ${size} bytes; exceeds the maximum size of ${MAX_VARIANT_BYTES} bytes`);
  }
}

function requirePrintable(value: string): void {
  const problem = problemOfPrintable(value);
  if (problem !== undefined) throw invalid(problem);
}
