/** JSON that a Standard Schema validator checks, for payloads of tasks in both queues. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { CodedError } from './errors.ts';

/** Throws `invalid-argument` with the validator's reasons. */
export async function checkBy<S extends StandardSchemaV1>(
  schema: S,
  value: unknown,
): Promise<StandardSchemaV1.InferOutput<S>> {
  const result = await schema['~standard'].validate(value);
  if (result.issues === undefined) return result.value as StandardSchemaV1.InferOutput<S>;
  const reasons = result.issues.map((issue) => issue.message).join('; ');
  throw new CodedError('invalid-argument', reasons);
}

/** Throws `invalid-argument` if JSON cannot represent the value. */
export function jsonText(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  if (text !== undefined) return text;
  throw new CodedError(
    'invalid-argument',
    `JSON cannot represent a payload of type ${typeof value}`,
  );
}
