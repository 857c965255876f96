/**
 * All settings of the server in one table: their names, values, defaults and meanings. Parsing,
 * `--help` and docs/configuration.md are derived from it.
 *
 * A setting `exportDir` is the flag `--export-dir`, the environment variable POSTLUDE_EXPORT_DIR
 * and the key `exportDir` of the configuration file.
 */
import { safeUrl } from '../../safe-url.ts';
import { oidcIssuers } from './oidc-issuers.ts';
import { realmGrants } from './realm-grants.ts';
import {
  choice,
  count,
  databaseLocation,
  duration,
  flag,
  hostAndPort,
  listenAddress,
  namespace,
  path,
  size,
  targetHost,
  word,
  words,
} from './setting-values.ts';
import { nonEmpty, texts } from './shapes.ts';

export type SettingSource = 'flag' | 'env' | 'file';

export interface Setting<T> {
  readonly group:
    | 'Network'
    | 'Database'
    | 'Exports'
    | 'Callers'
    | 'Tasks'
    | 'Pushed tasks'
    | 'Operation';
  readonly description: string;
  /** What it takes, for help: `host:port`. */
  readonly takes: string;
  /** As it would be written. */
  readonly default?: string;
  /** Where the default depends on something: what it is, in words. */
  readonly defaultInWords?: string;
  /** Where it may come from: all three unless given. */
  readonly sources?: readonly SettingSource[];
  /** Several values in one: its flag may be given again. */
  readonly isList?: true;
  /** Throws an Error that says what would be right. Paths are relative to `folder`. */
  readonly parse: (text: string, folder: string) => T;
  /** For values in the file that are more than one text or number. */
  readonly parseStructure?: (value: unknown) => T;
}

/** One that has a value always. */
function setting<T>(table: Setting<T> & { readonly default: string }): Setting<T> {
  return table;
}

/** One that may be left out. */
function optional<T>(table: Setting<T>): Setting<T | undefined> {
  return table;
}

/** For settings that are structures: they stand in the file, or in a file of their own. */
function onlyInFile(): never {
  throw new Error('must be a structure, not a text');
}

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

export const SETTINGS = {
  listen: setting({
    group: 'Network',
    description:
      'Where to listen. Port 0 takes a free one and prints it. Other than on loopback, callers must be authenticated.',
    takes: 'host:port',
    default: '127.0.0.1:8010',
    parse: listenAddress,
  }),
  maxRequestBytes: setting({
    group: 'Network',
    description: 'The largest request message, after decompression.',
    takes: 'size',
    default: '16MiB',
    parse: size({ min: 1024, max: 1024 ** 3 }),
  }),
  requestTimeout: setting({
    group: 'Network',
    description: 'How long a client may take to send a request.',
    takes: 'duration',
    default: '2m',
    parse: duration({ min: SECOND, max: HOUR }),
  }),
  maxConnections: setting({
    group: 'Network',
    description: 'How many connections at once; further ones are refused.',
    takes: 'number',
    default: '1024',
    parse: count({ min: 1, max: 65_536 }),
  }),
  database: setting({
    group: 'Database',
    description:
      'Where the data is. A folder of the embedded database, memory, a PostgreSQL server, or a database of Cloud Spanner (of an emulator where `SPANNER_EMULATOR_HOST` names one).',
    takes: 'pglite:PATH | memory: | postgres://… | spanner://…',
    default: 'pglite:.postlude/data',
    parse: databaseLocation,
  }),
  schema: setting({
    group: 'Database',
    description:
      'The schema in which the tables live; a database of Cloud Spanner is one by itself.',
    takes: 'name',
    default: 'postlude',
    parse: nonEmpty,
  }),
  databaseConnections: setting({
    group: 'Database',
    description:
      'How many transactions at once on a database server; on PostgreSQL listening takes a connection more.',
    takes: 'number',
    default: '10',
    parse: count({ min: 1, max: 1_000 }),
  }),
  statementTimeout: setting({
    group: 'Database',
    description:
      'How long one statement may take on PostgreSQL before it is ended, and a connection that says nothing is given up; migrations take as long as they take. 0s: for ever.',
    takes: 'duration',
    default: '30s',
    parse: duration({ min: 0, max: HOUR }),
  }),
  autoMigrate: optional({
    group: 'Database',
    description: 'Migrate the database at start. Where false, `postlude migrate` does.',
    takes: 'true | false',
    defaultInWords: 'true without authentication, else false',
    parse: flag,
  }),
  exportDir: setting({
    group: 'Exports',
    description: 'The folder that exports go to, as Parquet files.',
    takes: 'path',
    default: '.postlude/exports',
    parse: path,
  }),
  oidcIssuer: optional({
    group: 'Callers',
    description: 'Authenticates callers by tokens of this OIDC issuer, as `user:<email>`.',
    takes: 'url',
    parse: safeUrl,
  }),
  oidcAudiences: optional({
    group: 'Callers',
    description: 'Whom tokens of that issuer must be made for (`aud`), one of these.',
    takes: 'text[,text…]',
    isList: true,
    parse: words,
    parseStructure: texts,
  }),
  oidc: optional({
    group: 'Callers',
    description: 'Several issuers, or such whose callers have no email: see below.',
    takes: 'list',
    sources: ['file'],
    parse: onlyInFile,
    parseStructure: oidcIssuers,
  }),
  realms: optional({
    group: 'Callers',
    description: 'Who may do what: realm → role → members. See below.',
    takes: 'mapping',
    sources: ['file'],
    parse: onlyInFile,
    parseStructure: realmGrants,
  }),
  realmsFile: optional({
    group: 'Callers',
    description: 'The realms, in a file of their own (YAML or JSON).',
    takes: 'path',
    parse: path,
  }),
  tokenSecrets: optional({
    group: 'Callers',
    description:
      'Secrets of update tokens, 16 characters or more each. The first signs, all are accepted. No flag: other users of a machine can read flags.',
    takes: 'text[,text…]',
    defaultInWords: 'made once, kept in the database',
    sources: ['env', 'file'],
    parse: words,
    parseStructure: texts,
  }),
  tokenSecretsFile: optional({
    group: 'Callers',
    description: 'The secrets of update tokens in a file of their own, one a line.',
    takes: 'path',
    parse: path,
  }),
  workers: setting({
    group: 'Tasks',
    description: 'How many tasks (finalizations, exports) run at once in this process.',
    takes: 'number',
    default: '8',
    parse: count({ min: 1, max: 1_000 }),
  }),
  lease: setting({
    group: 'Tasks',
    description: 'How long a task of a process that died stays with it. Running tasks renew it.',
    takes: 'duration',
    default: '30s',
    parse: duration({ min: SECOND, max: HOUR }),
  }),
  poll: setting({
    group: 'Tasks',
    description: 'How often to look for due tasks where no wake-up came.',
    takes: 'duration',
    default: '5s',
    parse: duration({ min: 50, max: 10 * MINUTE }),
  }),
  rescueEvery: setting({
    group: 'Tasks',
    description: 'How often to look for finalizations that are stuck.',
    takes: 'duration',
    default: '1m',
    parse: duration({ min: SECOND, max: 24 * HOUR }),
  }),
  enforceEvery: setting({
    group: 'Tasks',
    description:
      'How often to look for invocations that are overdue: past their deadline, abandoned by their recorder, or expected and never begun.',
    takes: 'duration',
    default: '3s',
    parse: duration({ min: 50, max: 10 * MINUTE }),
  }),
  tqQueue: setting({
    group: 'Pushed tasks',
    description:
      'What delivers pushed tasks: the queue of the database, or queues of Google Cloud Tasks.',
    takes: 'database | cloud-tasks',
    default: 'database',
    parse: choice('database', 'cloud-tasks'),
  }),
  tqProject: optional({
    group: 'Pushed tasks',
    description: 'The Google Cloud project of the queues of Cloud Tasks.',
    takes: 'name',
    parse: word,
  }),
  tqRegion: optional({
    group: 'Pushed tasks',
    description: 'The region of those queues, such as europe-west1.',
    takes: 'name',
    parse: word,
  }),
  tqTargetHost: optional({
    group: 'Pushed tasks',
    description:
      'Where Cloud Tasks reaches the servers: a host, by HTTPS, or a scheme and a host. Pushes come to /internal/tasks/ there.',
    takes: 'host[:port] | http://host[:port]',
    parse: targetHost,
  }),
  tqNamespace: optional({
    group: 'Pushed tasks',
    description: 'Keeps the names of tasks apart where several installations share a queue.',
    takes: 'name',
    parse: namespace,
  }),
  tqPushAs: optional({
    group: 'Pushed tasks',
    description: 'The service account whose OIDC token the pushes of Cloud Tasks carry.',
    takes: 'email',
    parse: word,
  }),
  tqPushAudience: optional({
    group: 'Pushed tasks',
    description: 'Whom that token is made for, and must be made for to be taken.',
    takes: 'text',
    defaultInWords: 'the origin of tqTargetHost',
    parse: nonEmpty,
  }),
  tqPushers: optional({
    group: 'Pushed tasks',
    description:
      'The accounts whose pushes are taken. Without any, only programs on this machine may push.',
    takes: 'email[,email…]',
    defaultInWords: 'tqPushAs',
    isList: true,
    parse: words,
    parseStructure: texts,
  }),
  tqPushIssuer: optional({
    group: 'Pushed tasks',
    description: 'Who signs the tokens of pushes. For emulators.',
    takes: 'url',
    defaultInWords: '`https://accounts.google.com`',
    parse: safeUrl,
  }),
  tqSweepEvery: setting({
    group: 'Pushed tasks',
    description:
      'How often to look for tasks that were committed and did not reach their queue. 0s: never, where `postlude sweep` does.',
    takes: 'duration',
    default: '1m',
    parse: duration({ min: 0, max: HOUR }),
  }),
  cloudTasksEmulator: optional({
    group: 'Pushed tasks',
    description: 'An emulator to use instead of Cloud Tasks.',
    takes: 'host:port',
    parse: hostAndPort,
  }),
  enableExperiment: optional({
    group: 'Operation',
    description:
      'New ways of doing things to switch on, by name. `rdb-use-tq-finalization`: finalization by pushed tasks.',
    takes: 'name[,name…]',
    isList: true,
    parse: words,
    parseStructure: texts,
  }),
  shutdownGrace: setting({
    group: 'Operation',
    description:
      'How long a server may take to end after SIGTERM, whatever hangs; requests and tasks have all but its last 4s.',
    takes: 'duration',
    default: '20s',
    parse: duration({ min: SECOND, max: HOUR }),
  }),
  shutdownDelay: setting({
    group: 'Operation',
    description:
      'How long to serve on after SIGTERM, while /readyz says no, until load balancers have noticed.',
    takes: 'duration',
    default: '0s',
    parse: duration({ min: 0, max: 10 * MINUTE }),
  }),
  logLevel: setting({
    group: 'Operation',
    description: 'The least important lines to log, as JSON on standard error.',
    takes: 'debug | info | warn | error',
    default: 'info',
    parse: choice('debug', 'info', 'warn', 'error'),
  }),
} as const satisfies Readonly<Record<string, Setting<unknown>>>;

export type SettingName = keyof typeof SETTINGS;

/** The value of each setting. */
export type Settings = {
  readonly [K in SettingName]: (typeof SETTINGS)[K] extends Setting<infer T> ? T : never;
};

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** `export-dir` for `exportDir`. */
export function flagName(name: SettingName): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}

/** `POSTLUDE_EXPORT_DIR` for `exportDir`. */
export function environmentName(name: SettingName): string {
  return `POSTLUDE_${flagName(name).replaceAll('-', '_').toUpperCase()}`;
}

export function comesFrom(name: SettingName, source: SettingSource): boolean {
  const { sources }: Setting<unknown> = SETTINGS[name];
  return sources === undefined || sources.includes(source);
}
