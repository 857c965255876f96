/** The interface for logs: a message and fields. The server implements it with pino. */

export type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  /** Whether `debug` writes anything; if it is missing, it does. What is logged for each task asks first. */
  readonly isDebugEnabled?: boolean;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** Returns a log that adds `fields` to each line. */
  with(fields: LogFields): Log;
}

/** Logs nothing; the default of library classes. */
export const silentLog: Log = {
  isDebugEnabled: false,
  debug: () => undefined,
  info: () => undefined,
  warn: () => undefined,
  error: () => undefined,
  with: () => silentLog,
};
