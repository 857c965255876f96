/** What is wrong with a request of pRPC itself. It has an HTTP status of its own beside its gRPC code. */
import { CodedError } from '@postlude/queue/foundations';

export class ProtocolProblem extends CodedError {
  readonly httpStatus: number;

  constructor(message: string, httpStatus = 400) {
    super('invalid-argument', message);
    this.name = 'ProtocolProblem';
    this.httpStatus = httpStatus;
  }
}
