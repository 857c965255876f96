/** postlude.v1.Limits: shows operators what callers may use, and what they use. */
import type { Limits } from '../../gen/postlude/v1/limits_pb.js';
import type { ServiceMethods } from '../shared/service-methods.ts';
import { getLimits } from './get-limits.ts';
import type { LimitsParts } from './parts.ts';

export function createLimits(parts: LimitsParts): ServiceMethods<typeof Limits> {
  return { getLimits: (request, context) => getLimits(parts, request, context) };
}
