/**
 * All settings of the server in one table: their names, values, defaults and meanings. A new setting is one
 * entry here: flags, variables, keys of the file, `--help`, docs/configuration.md and its value in `Config`
 * are derived from it.
 *
 * A setting `exportDir` is the flag `--export-dir`, the environment variable POSTLUDE_EXPORT_DIR
 * and the key `exportDir` of the configuration file.
 */
import { safeUrl } from '@postlude/queue/foundations';
import { parseTableName } from '../../exporter/sinks/name-pattern.ts';
import { limitRules } from '../admission/limit-config.ts';
import { schemeList } from '../scheme-config.ts';
import { oidcIssuers } from './oidc-issuers.ts';
import { realmGrants } from './realm-grants.ts';
import {
  deadTaskDuration,
  expectedResultsDuration,
  invocationDuration,
  retentionRules,
} from './retention-config.ts';
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
  valueList,
  word,
  yesOrNo,
} from './setting.ts';
import {
  addressRange,
  databaseLocation,
  hostAndPort,
  listenAddress,
  origin,
  webOrigin,
} from './setting-values.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

const targetHost = text(
  'host[:port] | http://host[:port]',
  /^(https?:\/\/)?([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?$/,
  'must be host[:port], http://host[:port] or https://host[:port]',
);

/** For structures that are checked together with other settings. */
const unparsed = (value: unknown): unknown => value;

export const SETTINGS = {
  ...group('Network', {
    listen: scalar('host:port', listenAddress)
      .default('127.0.0.1:8010')
      .describe(
        'Where to listen. Port 0 takes a free port and prints it. On other addresses than loopback, callers must be authenticated.',
      ),
    maxRequestBytes: size({ min: 1024, max: 1024 ** 3 })
      .default('16MiB')
      .describe('The largest request message, after decompression.'),
    requestTimeout: duration({ min: SECOND, max: HOUR })
      .default('2m')
      .describe('How long a client may take to send a request.'),
    maxConnections: count({ min: 1, max: 65_536 })
      .default('1024')
      .describe(
        'How many connections to accept at once. Beyond that, idle ones are closed; if there are none, further ones are refused, except for `/healthz` and `/readyz`.',
      ),
    maxConnectionsPerAddress: count({ min: 1, max: 65_536 })
      .with({ defaultInWords: 'half of maxConnections' })
      .describe(
        'How many connections one address, or one network of IPv6 (/64), may have. Does not hold for this machine itself, nor for `trustedProxies`.',
      ),
    trustedProxies: valueList('address[/bits][,address…]', addressRange).describe(
      'The addresses of proxies that may say in `X-Forwarded-For` where a request comes from. Limits by address and the log then use that address. From anybody else, the header is ignored.',
    ),
    prpcOrigins: valueList('origin[,origin…] | *', webOrigin).describe(
      'The web origins whose pages may call this server by pRPC, such as `https://console.example`. By default, no page of another site may.',
    ),
  }),
  ...group('Database', {
    database: scalar('pglite:PATH | memory: | postgres://… | spanner://…', databaseLocation)
      .default('pglite:.postlude/data')
      .describe(
        'Where the data is stored. A folder for the embedded database, memory, a PostgreSQL server, or a Cloud Spanner database (in an emulator if `SPANNER_EMULATOR_HOST` names one).',
      ),
    schema: text('name')
      .default('postlude')
      .describe(
        'The schema that holds the tables. A Cloud Spanner database is a schema by itself.',
      ),
    databaseConnections: count({ min: 1, max: 1_000 })
      .default('10')
      .describe(
        'How many transactions to run at once on a database server. On PostgreSQL, listening takes one more connection.',
      ),
    statementTimeout: duration({ min: 0, max: HOUR })
      .default('30s')
      .describe(
        'How long a statement may take on PostgreSQL before it is ended, and, if the server stays silent, its connection is closed. Migrations take as long as they need. 0s means no limit.',
      ),
    autoMigrate: yesOrNo()
      .with({ defaultInWords: 'true without authentication, else false' })
      .describe('Whether to migrate the database at the start. If not, run `postlude migrate`.'),
  }),
  ...group('Exports', {
    exportDir: path()
      .default('.postlude/exports')
      .describe(
        'The folder to which exports are written as Parquet files, unless `sinks` and `exports` say otherwise.',
      ),
    defaultSink: text('name')
      .default('parquet')
      .describe(
        'The sink of all tables that no rule of `exports` matches. `parquet` is the export folder.',
      ),
    sinks: structure('mapping', unparsed).describe(
      'Further places that exports can go to: object storage, BigQuery, other folders. See docs/exports.md.',
    ),
    exports: structure('list', unparsed).describe(
      'Which tables go to which sink. See docs/exports.md.',
    ),
    invocationRows: scalar('project.dataset.table', parseTableName).describe(
      'The table that gets one row for each invocation that becomes FINALIZED from now on. There is none unless given. See docs/exports.md.',
    ),
  }),
  ...group('Artifacts', {
    artifactDir: path()
      .default('.postlude/artifacts')
      .describe(
        'The folder for the contents of artifacts above 64 KiB, unless `artifactSink` says otherwise, and for contents that are still arriving. Servers on several machines need a sink.',
      ),
    artifactSink: text('name').describe(
      'A sink of the kind `s3` or `gcs`, in whose bucket contents above 64 KiB are kept from now on. A sink that has contents must stay configured.',
    ),
    maxArtifactBytes: size({ min: 1024, max: 1024 ** 4 })
      .default('8GiB')
      .describe('The largest content of an artifact that is uploaded by itself.'),
    artifactOrigin: scalar('origin', origin)
      .with({ defaultInWords: 'that of the call' })
      .describe(
        'Where clients reach this server for the contents of artifacts, such as `https://artifacts.example`. Set it if a proxy in front of the server speaks HTTPS, and to a name of its own if the server shares its name with other pages.',
      ),
  }),
  ...group('Callers', {
    oidcIssuer: scalar('url', safeUrl).describe(
      'The OIDC issuer whose tokens authenticate callers, as `user:<email>`.',
    ),
    oidcAudiences: textList('text[,text…]').describe(
      'The accepted audiences (`aud`) of the tokens of that issuer.',
    ),
    oidc: structure('list', oidcIssuers).describe(
      'Several issuers, or issuers whose callers have no email: see below.',
    ),
    realms: structure('mapping', realmGrants).describe(
      'Who may do what: realm → role → members. See below.',
    ),
    realmsFile: path().describe('A file of its own for the realms (YAML or JSON).'),
    tokenSecrets: textList('text[,text…]')
      .with({
        defaultInWords: 'generated once, and kept in the database',
        sources: ['env', 'file'],
      })
      .describe(
        'Secrets of update tokens, of at least 16 characters each. The first one signs; all are accepted. There is no flag, because other users of a machine can read flags.',
      ),
    tokenSecretsFile: path().describe(
      'A file of its own for the secrets of update tokens, one per line. Other users must not be able to open it.',
    ),
  }),
  ...group('Limits', {
    maxReads: count({ min: 1, max: 10_000 })
      .default('32')
      .describe(
        'How many requests that read to have in work at once. Beyond it, requests wait, and callers take turns.',
      ),
    maxHeavyReads: count({ min: 1, max: 10_000 })
      .default('4')
      .describe(
        'How many requests for the results of whole runs to have in work at once. These take the most memory.',
      ),
    maxWrites: count({ min: 1, max: 10_000 })
      .default('16')
      .describe('How many requests that write to have in work at once.'),
    maxWatches: count({ min: 1, max: 65_536 })
      .default('1000')
      .describe('How many requests to have at once that watch an invocation.'),
    maxBytesInWork: size({ min: 1024 ** 2, max: 64 * 1024 ** 3 })
      .with({ defaultInWords: 'four times maxRequestBytes' })
      .describe('How many bytes of requests to have in work at once.'),
    maxWait: duration({ min: 100, max: HOUR })
      .with({ defaultInWords: '30s without authentication, else 5s' })
      .describe(
        'How long a request may wait for its turn before its caller is told to try again later.',
      ),
    overloadDelay: duration({ min: 10, max: MINUTE })
      .default('200ms')
      .describe(
        'How late the event loop may be before the server takes on less work, until it has recovered.',
      ),
    overloadHeap: count({ min: 10, max: 100 })
      .default('85')
      .describe(
        'The percentage of the heap that may be in use before the server takes on less work.',
      ),
    limits: structure('list', limitRules).describe(
      'What some callers and realms may use, if not as much as all others: see below.',
    ),
  }),
  ...group('Tasks', {
    workers: count({ min: 1, max: 1_000 })
      .default('8')
      .describe('How many tasks (finalizations, exports) to run at once in this process.'),
    lease: duration({ min: SECOND, max: HOUR })
      .default('30s')
      .describe(
        'How long a task stays with a process that has died. Running tasks renew their lease.',
      ),
    poll: duration({ min: 50, max: 10 * MINUTE })
      .default('5s')
      .describe('How often to look for due tasks if no wake-up arrives.'),
    rescueEvery: duration({ min: SECOND, max: 24 * HOUR })
      .default('1m')
      .describe('How often to look for stuck finalizations.'),
    enforceEvery: duration({ min: 50, max: 10 * MINUTE })
      .default('3s')
      .describe(
        'How often to look for overdue invocations: past their deadline, abandoned by their recorder, or expected but never begun.',
      ),
  }),
  ...group('Pushed tasks', {
    tqQueue: choice('database', 'cloud-tasks')
      .default('database')
      .describe(
        'What delivers pushed tasks. The queue in the database, or queues of Google Cloud Tasks.',
      ),
    tqProject: word('name').describe('The Google Cloud project of the Cloud Tasks queues.'),
    tqRegion: word('name').describe('The region of those queues, such as europe-west1.'),
    tqTargetHost: targetHost.describe(
      'Where Cloud Tasks reaches the servers. A host alone is called by HTTPS. Pushes arrive at /internal/tasks/ there.',
    ),
    tqNamespace: text(
      'name',
      /^[a-zA-Z_]\w{0,49}$/,
      'must be a letter or _, then up to 49 letters, digits or _',
    ).describe('Keeps the names of tasks apart if several installations share a queue.'),
    tqPushAs: word('email').describe(
      'The service account whose OIDC token Cloud Tasks sends with each push.',
    ),
    tqPushAudience: text('text')
      .with({ defaultInWords: 'the origin of tqTargetHost' })
      .describe('The audience of that token, which the server also requires.'),
    tqPushers: textList('email[,email…]')
      .with({ defaultInWords: 'tqPushAs' })
      .describe(
        'The accounts whose pushes are accepted. If there are none, only programs on this machine may push.',
      ),
    tqPushIssuer: scalar('url', safeUrl)
      .with({ defaultInWords: '`https://accounts.google.com`' })
      .describe('The issuer that signs the tokens of pushes. For emulators.'),
    tqSweepEvery: duration({ min: 0, max: HOUR })
      .default('1m')
      .describe(
        'How often to look for tasks that were committed but did not reach their queue. 0s means never: run `postlude sweep` instead.',
      ),
    cloudTasksEmulator: scalar('host:port', hostAndPort).describe(
      'An emulator to use instead of Cloud Tasks.',
    ),
  }),
  ...group('Results', {
    schemes: structure('list', schemeList).describe(
      'More schemes that ids of tests may have, beside flat, gtest, junit and legacy. See below.',
    ),
  }),
  ...group('Retention', {
    invocationExpiration: invocationDuration
      .default('540d')
      .describe(
        'How long after its creation an invocation is kept, with everything in it. A change applies to invocations that are created after it.',
      ),
    expectedResultsExpiration: expectedResultsDuration
      .default('60d')
      .describe(
        'How long after its creation an invocation keeps the expected results of test variants that have no unexpected ones.',
      ),
    retention: structure('list', retentionRules).describe(
      'Other durations for some realms. See below.',
    ),
    deadTaskExpiration: deadTaskDuration
      .default('90d')
      .describe('How long dead tasks are kept, with the reasons of their failures.'),
    purgeEvery: duration({ min: 0, max: 24 * HOUR })
      .default('10m')
      .describe(
        'How often to delete what has expired. 0s means never: run `postlude purge` instead.',
      ),
  }),
  ...group('Operation', {
    enableExperiment: textList('name[,name…]').describe(
      'The experiments to enable. `rdb-use-tq-finalization` finalizes by pushed tasks.',
    ),
    shutdownGrace: duration({ min: SECOND, max: HOUR })
      .default('20s')
      .describe(
        'How long a server may take to stop after SIGTERM, even if something hangs. Requests and tasks have all of it except the last 4s.',
      ),
    shutdownDelay: duration({ min: 0, max: 10 * MINUTE })
      .default('0s')
      .describe(
        'How long to keep serving after SIGTERM, while /readyz says no, so that load balancers notice.',
      ),
    logLevel: choice('debug', 'info', 'warn', 'error')
      .default('info')
      .describe('The lowest level to log, as JSON on standard error.'),
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
