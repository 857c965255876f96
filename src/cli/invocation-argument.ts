/** Invocations on the command line: an id, or the full name `invocations/<id>`. */
import { InvalidArgumentError } from 'commander';

const ID = /^[a-z][a-z0-9_\-:.]{0,99}$/;
const NAME_PREFIX = 'invocations/';

/** Returns the id. Commander prints the error together with the argument that it is about. */
export function parseInvocation(argument: string): string {
  const id = argument.startsWith(NAME_PREFIX) ? argument.slice(NAME_PREFIX.length) : argument;
  if (!ID.test(id)) {
    throw new InvalidArgumentError(
      'an invocation id is a lower-case letter, then up to 99 of a-z 0-9 _ - : .',
    );
  }
  return id;
}

/** Parses and collects the ids of arguments and options that take several. */
export function collectInvocation(
  argument: string,
  previous: readonly string[] = [],
): readonly string[] {
  return [...previous, parseInvocation(argument)];
}

export function invocationName(id: string): string {
  return NAME_PREFIX + id;
}

/** Turns `invocations/x` into `x`, as users write it. */
export function invocationId(name: string): string {
  return name.startsWith(NAME_PREFIX) ? name.slice(NAME_PREFIX.length) : name;
}
