/** Invocations on the command line: an id, or the full name `invocations/<id>`. */
import { InvalidArgumentError } from 'commander';

const ID = /^[a-z][a-z0-9_\-:.]{0,99}$/;
const NAME_PREFIX = 'invocations/';

/** Answers the id. Commander prints the error behind the argument it is for. */
export function parseInvocation(argument: string): string {
  const id = argument.startsWith(NAME_PREFIX) ? argument.slice(NAME_PREFIX.length) : argument;
  if (!ID.test(id)) {
    throw new InvalidArgumentError(
      'an invocation id has a lower-case letter, then up to 99 of a-z 0-9 _ - : .',
    );
  }
  return id;
}

/** For arguments and options that take several. */
export function collectInvocation(
  argument: string,
  previous: readonly string[] = [],
): readonly string[] {
  return [...previous, parseInvocation(argument)];
}

export function invocationName(id: string): string {
  return NAME_PREFIX + id;
}

/** `invocations/x` as people write it: `x`. */
export function invocationId(name: string): string {
  return name.startsWith(NAME_PREFIX) ? name.slice(NAME_PREFIX.length) : name;
}
