/** The methods of a service, independent of any transport. A server adapts them to its protocols. */
import type {
  DescMethodServerStreaming,
  DescMethodUnary,
  DescService,
  MessageShape,
} from '@bufbuild/protobuf';
import type { CallContext } from './call-context.ts';

type Method<M> =
  M extends DescMethodUnary<infer I, infer O>
    ? (request: MessageShape<I>, context: CallContext) => Promise<MessageShape<O>>
    : M extends DescMethodServerStreaming<infer I, infer O>
      ? (request: MessageShape<I>, context: CallContext) => AsyncIterable<MessageShape<O>>
      : never;

/** One function for each method of the service `S`, named as in its generated descriptor. */
export type ServiceMethods<S extends DescService> = {
  readonly [K in keyof S['method']]: Method<S['method'][K]>;
};
