/**
 * Requests that were once sent to LUCI's servers, as a file of cases holds them. A case may use what an earlier
 * one has returned (`save`, `${NAME}`), and times relative to now (`{{now+3600}}`, in seconds).
 */
import { readFile } from 'node:fs/promises';
import type { JsonObject, JsonValue } from '@bufbuild/protobuf';

export interface Case {
  readonly id: string;
  /** `Recorder/CreateInvocation`, of `luci.resultdb.v1`. */
  readonly rpc: string;
  readonly req: JsonObject;
  /** Update tokens: names of saved ones, or `=` and the token itself. */
  readonly token?: string | readonly (string | null)[] | null;
  /** Paths of field masks by the masks' names. JSON could not write all of them. */
  readonly masks?: Readonly<Record<string, readonly string[]>>;
  /** What to keep of the answer: names and paths into its body, or `@update-token`. */
  readonly save?: Readonly<Record<string, string>>;
  /** Fields that the body has to have, which may take a while. */
  readonly until?: Readonly<Record<string, JsonValue>>;
}

/** What a server said. */
export interface Answer {
  readonly id: string;
  /** `OK`, or the code as gRPC writes it: `InvalidArgument`. */
  readonly code: string;
  /** Whether the response had an update token. */
  readonly token?: boolean;
  readonly body?: JsonObject;
  readonly message?: string;
}

export async function readCases(file: string): Promise<readonly Case[]> {
  return JSON.parse(await readFile(file, 'utf8')) as readonly Case[];
}

/** Reads one answer a line. */
export async function readAnswers(file: string): Promise<readonly Answer[]> {
  const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as Answer);
}

/** The values that cases share. */
export class Variables {
  readonly #values = new Map<string, string>();

  /** Returns the request with its names and times filled in. */
  fill(json: JsonValue, now: number): JsonValue {
    if (typeof json === 'string') return this.#fillText(json, now);
    if (Array.isArray(json)) return json.map((each) => this.fill(each, now));
    if (typeof json !== 'object' || json === null) return json;
    const entries = Object.entries(json).map(([key, value]) => [key, this.fill(value, now)]);
    return Object.fromEntries(entries) as JsonObject;
  }

  tokens(token: Case['token']): readonly string[] {
    if (token === undefined || token === null) return [];
    if (typeof token !== 'string') return token.flatMap((each) => this.tokens(each));
    return [token.startsWith('=') ? token.slice(1) : (this.#values.get(token) ?? '')];
  }

  keep({ save = {} }: Case, body: JsonObject | undefined, token: string): void {
    for (const [name, from] of Object.entries(save)) {
      const value = from === '@update-token' ? token : (valueAt(body, from) ?? '');
      this.#values.set(name, String(value));
    }
  }

  #fillText(text: string, now: number): string {
    return text
      .replaceAll(/\$\{(\w+)\}/g, (_, name: string) => this.#values.get(name) ?? '')
      .replaceAll(/\{\{now([+-]\d+)\}\}/g, (_, seconds: string) =>
        new Date(now + Number(seconds) * 1000).toISOString(),
      );
  }
}

export function valueAt(json: JsonValue | undefined, path: string): JsonValue | undefined {
  return path
    .split('.')
    .reduce<JsonValue | undefined>(
      (value, key) =>
        typeof value === 'object' && value !== null ? (value as JsonObject)[key] : undefined,
      json,
    );
}
