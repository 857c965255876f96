/**
 * Writes the log as lines of JSON, with pino. No code passes headers or tokens to it; if some does by
 * mistake, they are removed. A line is bounded, however much a caller has sent, and has no character that
 * a terminal would obey.
 */
import {
  type Bounds,
  boundedText,
  boundedValue,
  type Log,
  type LogFields,
  visibleJson,
} from '@postlude/queue/foundations';
import {
  type DestinationStream,
  destination,
  type Logger,
  pino,
  stdSerializers,
  stdTimeFunctions,
} from 'pino';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

const SECRETS = ['authorization', 'updateToken', 'updateTokens', 'token', 'headers'];

/** Room for the stack of an error and its causes; a line stays below a megabyte, and mostly far below. */
const BOUNDS: Bounds = { maxText: 4_000, maxEntries: 32, maxDepth: 6 };

/** Writes to standard error by default, since standard output is reserved for results. */
export function jsonLog(level: LogLevel, stream?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: serializeError },
    redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    messageKey: 'message',
  };
  const to = stream ?? destination({ fd: 2, sync: true });
  return wrap(pino(options, { write: (line) => to.write(visibleLine(line)) }));
}

function visibleLine(line: string): string {
  return `${visibleJson(line.trimEnd())}\n`;
}

function serializeError(error: unknown): unknown {
  return boundedValue(error instanceof Error ? stdSerializers.errWithCause(error) : error, BOUNDS);
}

function bounded(fields: LogFields = {}): LogFields {
  // Errors are bounded once they are serialized, since their fields are not enumerable.
  const { error, ...others } = fields;
  const rest = boundedValue(others, BOUNDS) as LogFields;
  return 'error' in fields ? { ...rest, error } : rest;
}

function wrap(logger: Logger): Log {
  return {
    get isDebugEnabled() {
      return logger.isLevelEnabled('debug');
    },
    debug: (message, fields) => logger.debug(bounded(fields), boundedText(message, BOUNDS.maxText)),
    info: (message, fields) => logger.info(bounded(fields), boundedText(message, BOUNDS.maxText)),
    warn: (message, fields) => logger.warn(bounded(fields), boundedText(message, BOUNDS.maxText)),
    error: (message, fields) => logger.error(bounded(fields), boundedText(message, BOUNDS.maxText)),
    with: (fields) => wrap(logger.child(bounded(fields))),
  };
}
