import type { Log, LogFields } from '@postlude/queue/foundations';

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines. Set `isDebugEnabled` to be told of the life of each task. */
export class RecordingLog implements Log {
  readonly lines: Line[];
  isDebugEnabled = false;
  readonly #fields: LogFields;

  constructor(lines: Line[] = [], fields: LogFields = {}) {
    this.lines = lines;
    this.#fields = fields;
  }

  debug(message: string, fields?: LogFields): void {
    this.#write('debug', message, fields);
  }

  info(message: string, fields?: LogFields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: LogFields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: LogFields): void {
    this.#write('error', message, fields);
  }

  with(fields: LogFields): Log {
    const log = new RecordingLog(this.lines, { ...this.#fields, ...fields });
    log.isDebugEnabled = this.isDebugEnabled;
    return log;
  }

  #write(level: string, message: string, fields: LogFields = {}): void {
    this.lines.push({ level, message, fields: { ...this.#fields, ...fields } });
  }
}
