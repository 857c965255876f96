/**
 * All settings of the server in one table: their names, values, defaults and meanings. A new setting is one
 * entry here: flags, variables, keys of the file, `--help`, docs/configuration.md and its value in `Config`
 * are derived from it.
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
  duration,
  group,
  type Ms,
  path,
  type Setting,
  type SettingSource,
  scalar,
  size,
  structure,
  text,
  textList,
  word,
  yesOrNo,
} from './setting.ts';
import { databaseLocation, hostAndPort, listenAddress } from './setting-values.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

const targetHost = text(
  'host[:port] | http://host[:port]',
  /^(https?:\/\/)?([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?$/,
  'must be host[:port], or http:// or https:// and that',
);

export const SETTINGS = {
  ...group('Network', {
    listen: scalar('host:port', listenAddress)
      .default('127.0.0.1:8010')
      .describe(
        'Where to listen. Port 0 takes a free one and prints it. Other than on loopback, callers must be authenticated.',
      ),
    maxRequestBytes: size({ min: 1024, max: 1024 ** 3 })
      .default('16MiB')
      .describe('The largest request message, after decompression.'),
    requestTimeout: duration({ min: SECOND, max: HOUR })
      .default('2m')
      .describe('How long a client may take to send a request.'),
    maxConnections: count({ min: 1, max: 65_536 })
      .default('1024')
      .describe('How many connections at once; further ones are refused.'),
  }),
  ...group('Database', {
    database: scalar('pglite:PATH | memory: | postgres://… | spanner://…', databaseLocation)
      .default('pglite:.postlude/data')
      .describe(
        'Where the data is. A folder of the embedded database, memory, a PostgreSQL server, or a database of Cloud Spanner (of an emulator where `SPANNER_EMULATOR_HOST` names one).',
      ),
    schema: text('name')
      .default('postlude')
      .describe(
        'The schema in which the tables live; a database of Cloud Spanner is one by itself.',
      ),
    databaseConnections: count({ min: 1, max: 1_000 })
      .default('10')
      .describe(
        'How many transactions at once on a database server; on PostgreSQL listening takes a connection more.',
      ),
    statementTimeout: duration({ min: 0, max: HOUR })
      .default('30s')
      .describe(
        'How long one statement may take on PostgreSQL before it is ended, and a connection that says nothing is given up; migrations take as long as they take. 0s: for ever.',
      ),
    autoMigrate: yesOrNo()
      .with({ defaultInWords: 'true without authentication, else false' })
      .describe('Migrate the database at start. Where false, `postlude migrate` does.'),
  }),
  ...group('Exports', {
    exportDir: path()
      .default('.postlude/exports')
      .describe('The folder that exports go to, as Parquet files.'),
  }),
  ...group('Callers', {
    oidcIssuer: scalar('url', safeUrl).describe(
      'Authenticates callers by tokens of this OIDC issuer, as `user:<email>`.',
    ),
    oidcAudiences: textList('text[,text…]').describe(
      'Whom tokens of that issuer must be made for (`aud`), one of these.',
    ),
    oidc: structure('list', oidcIssuers).describe(
      'Several issuers, or such whose callers have no email: see below.',
    ),
    realms: structure('mapping', realmGrants).describe(
      'Who may do what: realm → role → members. See below.',
    ),
    realmsFile: path().describe('The realms, in a file of their own (YAML or JSON).'),
    tokenSecrets: textList('text[,text…]')
      .with({ defaultInWords: 'made once, kept in the database', sources: ['env', 'file'] })
      .describe(
        'Secrets of update tokens, 16 characters or more each. The first signs, all are accepted. No flag: other users of a machine can read flags.',
      ),
    tokenSecretsFile: path().describe(
      'The secrets of update tokens in a file of their own, one a line.',
    ),
  }),
  ...group('Tasks', {
    workers: count({ min: 1, max: 1_000 })
      .default('8')
      .describe('How many tasks (finalizations, exports) run at once in this process.'),
    lease: duration({ min: SECOND, max: HOUR })
      .default('30s')
      .describe('How long a task of a process that died stays with it. Running tasks renew it.'),
    poll: duration({ min: 50, max: 10 * MINUTE })
      .default('5s')
      .describe('How often to look for due tasks where no wake-up came.'),
    rescueEvery: duration({ min: SECOND, max: 24 * HOUR })
      .default('1m')
      .describe('How often to look for finalizations that are stuck.'),
    enforceEvery: duration({ min: 50, max: 10 * MINUTE })
      .default('3s')
      .describe(
        'How often to look for invocations that are overdue: past their deadline, abandoned by their recorder, or expected and never begun.',
      ),
  }),
  ...group('Pushed tasks', {
    tqQueue: choice('database', 'cloud-tasks')
      .default('database')
      .describe(
        'What delivers pushed tasks: the queue of the database, or queues of Google Cloud Tasks.',
      ),
    tqProject: word('name').describe('The Google Cloud project of the queues of Cloud Tasks.'),
    tqRegion: word('name').describe('The region of those queues, such as europe-west1.'),
    tqTargetHost: targetHost.describe(
      'Where Cloud Tasks reaches the servers: a host, by HTTPS, or a scheme and a host. Pushes come to /internal/tasks/ there.',
    ),
    tqNamespace: text('name', /^[a-zA-Z_]\w{0,49}$/, 'must be up to 50 of A-Z a-z 0-9 _').describe(
      'Keeps the names of tasks apart where several installations share a queue.',
    ),
    tqPushAs: word('email').describe(
      'The service account whose OIDC token the pushes of Cloud Tasks carry.',
    ),
    tqPushAudience: text('text')
      .with({ defaultInWords: 'the origin of tqTargetHost' })
      .describe('Whom that token is made for, and must be made for to be taken.'),
    tqPushers: textList('email[,email…]')
      .with({ defaultInWords: 'tqPushAs' })
      .describe(
        'The accounts whose pushes are taken. Without any, only programs on this machine may push.',
      ),
    tqPushIssuer: scalar('url', safeUrl)
      .with({ defaultInWords: '`https://accounts.google.com`' })
      .describe('Who signs the tokens of pushes. For emulators.'),
    tqSweepEvery: duration({ min: 0, max: HOUR })
      .default('1m')
      .describe(
        'How often to look for tasks that were committed and did not reach their queue. 0s: never, where `postlude sweep` does.',
      ),
    cloudTasksEmulator: scalar('host:port', hostAndPort).describe(
      'An emulator to use instead of Cloud Tasks.',
    ),
  }),
  ...group('Operation', {
    enableExperiment: textList('name[,name…]').describe(
      'New ways of doing things to switch on, by name. `rdb-use-tq-finalization`: finalization by pushed tasks.',
    ),
    shutdownGrace: duration({ min: SECOND, max: HOUR })
      .default('20s')
      .describe(
        'How long a server may take to end after SIGTERM, whatever hangs; requests and tasks have all but its last 4s.',
      ),
    shutdownDelay: duration({ min: 0, max: 10 * MINUTE })
      .default('0s')
      .describe(
        'How long to serve on after SIGTERM, while /readyz says no, until load balancers have noticed.',
      ),
    logLevel: choice('debug', 'info', 'warn', 'error')
      .default('info')
      .describe('The least important lines to log, as JSON on standard error.'),
  }),
};

export type SettingName = keyof typeof SETTINGS;

type ValueOf<K extends SettingName> = (typeof SETTINGS)[K] extends Setting<infer T> ? T : never;

type IsDuration<K extends SettingName> = Exclude<ValueOf<K>, undefined> extends Ms ? true : false;

/** The value of each setting: `exportDir`, and `leaseMs` for the duration `lease`. */
export type Settings = {
  readonly [K in SettingName as IsDuration<K> extends true
    ? `${K}Ms`
    : K]: IsDuration<K> extends true ? number : ValueOf<K>;
};

/** Names a configuration file, as the flag `--config` does. */
export const CONFIG_VARIABLE = 'POSTLUDE_CONFIG';

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
  return SETTINGS[name].traits.sources?.includes(source) ?? true;
}

/** The key of a setting in `Settings`. */
export function configKey(name: SettingName): string {
  return SETTINGS[name].traits.takes === 'duration' ? `${name}Ms` : name; // as IsDuration says
}
