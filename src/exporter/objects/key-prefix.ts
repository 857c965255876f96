/** The option of a prefix for all keys in a bucket. */
import { type SinkOption, text } from '../sinks/sink-options.ts';

export function keyPrefix(description: string): SinkOption<string> {
  const option = text(description, 'path');
  return {
    ...option,
    parse: (value, folder) => {
      const prefix = option.parse(value, folder).replace(/(?<!\/)\/+$/, '');
      if (!/^[^/].*$/.test(prefix) || prefix.includes('//')) {
        throw new Error('must be a path without a slash at its start, such as ci/exports');
      }
      return prefix;
    },
  };
}
