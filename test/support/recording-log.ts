import type { Log, LogFields } from '../../src/log.ts';

/** A log that keeps its lines. */
export class RecordingLog implements Log {
  readonly lines: {
    readonly level: string;
    readonly message: string;
    readonly fields: LogFields;
  }[];

  constructor(lines: RecordingLog['lines'] = []) {
    this.lines = lines;
  }

  debug(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'debug', message, fields });
  }

  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'info', message, fields });
  }

  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'warn', message, fields });
  }

  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: 'error', message, fields });
  }

  with(): Log {
    return this;
  }
}
