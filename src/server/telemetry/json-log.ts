/**
 * Writes the log as lines of JSON, with pino. No code passes headers or tokens to it; if some does by
 * mistake, they are removed.
 */

import type { Log } from '@postlude/queue/foundations';
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

/** Writes to standard error by default, since standard output is reserved for results. */
export function jsonLog(level: LogLevel, stream?: DestinationStream): Log {
  const options = {
    level,
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
    serializers: { error: stdSerializers.errWithCause },
    redact: { paths: SECRETS.flatMap((name) => [name, `*.${name}`]), censor: '[secret]' },
    messageKey: 'message',
  };
  return wrap(pino(options, stream ?? destination({ fd: 2, sync: true })));
}

function wrap(logger: Logger): Log {
  return {
    get isDebugEnabled() {
      return logger.isLevelEnabled('debug');
    },
    debug: (message, fields) => logger.debug(fields ?? {}, message),
    info: (message, fields) => logger.info(fields ?? {}, message),
    warn: (message, fields) => logger.warn(fields ?? {}, message),
    error: (message, fields) => logger.error(fields ?? {}, message),
    with: (fields) => wrap(logger.child(fields)),
  };
}
