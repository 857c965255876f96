/** The methods of a service, free of any transport: what a server adapts to its protocols. */
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

/** One function a method of the service `S`, under the names of its generated descriptor. */
export type ServiceMethods<S extends DescService> = {
  readonly [K in keyof S['method']]: Method<S['method'][K]>;
};
