/** The configuration of pushed tasks, from its settings: how they are delivered, and who may push. */
import { isLoopback } from '../../loopback.ts';
import type { PushAuthConfig } from '../../tq/receive/push-auth.ts';
import type { RequestSettings } from '../../tq/submit/request.ts';
import type { WrittenSettings } from './config-sources.ts';
import type { SettingName, Settings } from './settings.ts';

export interface PushTaskConfig {
  /** What delivers the tasks: the queue of the database, or Cloud Tasks. */
  readonly queue: Settings['tqQueue'];
  readonly requests: RequestSettings;
  /** The `host:port` of an emulator of Cloud Tasks. */
  readonly emulatorHost: string | undefined;
  /** Who may push: nobody, programs on this machine, or the given accounts. */
  readonly pushers: 'none' | 'loopback' | PushAuthConfig;
  /** 0 disables sweeps. */
  readonly sweepEveryMs: number;
}

/** Adds contradictions between settings to `problems`. */
export function pushTaskConfig(
  settings: Settings,
  written: WrittenSettings,
  problems: string[],
): PushTaskConfig {
  checkCloudTasks(settings, written, problems);
  return {
    queue: settings.tqQueue,
    requests: requestSettings(settings),
    emulatorHost: settings.cloudTasksEmulator,
    pushers: pushersOf(settings, written, problems),
    sweepEveryMs: settings.tqSweepEvery,
  };
}

const NEEDED_BY_CLOUD_TASKS = [
  'tqProject',
  'tqRegion',
  'tqTargetHost',
] as const satisfies readonly SettingName[];

function checkCloudTasks(settings: Settings, written: WrittenSettings, problems: string[]): void {
  if (settings.tqQueue !== 'cloud-tasks') return;
  const source = written.get('tqQueue')?.source;
  // A setting with an invalid value has been reported already.
  const missing = NEEDED_BY_CLOUD_TASKS.filter((name) => !written.has(name));
  if (missing.length > 0) problems.push(`${source}: needs ${missing.join(', ')}, too`);
  const { host } = settings.listen;
  if (!isLoopback(host) && !written.has('tqPushAs')) {
    problems.push(
      `${source}: ${host} can be reached from other machines, and pushes are not authenticated: set tqPushAs`,
    );
  }
}

function requestSettings(settings: Settings): RequestSettings {
  const audience = audienceOf(settings);
  return {
    ...(settings.tqProject === undefined ? {} : { project: settings.tqProject }),
    ...(settings.tqRegion === undefined ? {} : { region: settings.tqRegion }),
    ...(settings.tqNamespace === undefined ? {} : { namespace: settings.tqNamespace }),
    ...(settings.tqTargetHost === undefined ? {} : { defaultTargetHost: settings.tqTargetHost }),
    ...(settings.tqPushAs === undefined ? {} : { pushAs: settings.tqPushAs }),
    ...(audience === undefined ? {} : { pushAudience: audience }),
  };
}

/** The receiver must know the audience beforehand, so it is not the task's URL, Cloud Tasks' default. */
function audienceOf({ tqPushAudience, tqTargetHost }: Settings): string | undefined {
  if (tqPushAudience !== undefined || tqTargetHost === undefined) return tqPushAudience;
  return tqTargetHost.includes('://') ? tqTargetHost : `https://${tqTargetHost}`;
}

function pushersOf(
  settings: Settings,
  written: WrittenSettings,
  problems: string[],
): PushTaskConfig['pushers'] {
  const { tqPushAs, tqPushers, tqPushIssuer, tqQueue } = settings;
  const emails = tqPushers ?? (tqPushAs === undefined ? [] : [tqPushAs]);
  if (emails.length === 0) return tqQueue === 'cloud-tasks' ? 'loopback' : 'none';
  const audience = audienceOf(settings);
  const isAudienceWritten = written.has('tqPushAudience') || written.has('tqTargetHost');
  if (audience === undefined && !isAudienceWritten && tqQueue === 'database') {
    const source = (written.get('tqPushers') ?? written.get('tqPushAs'))?.source;
    problems.push(`${source}: needs tqPushAudience or tqTargetHost, too`);
  }
  return {
    ...(tqPushIssuer === undefined ? {} : { issuer: tqPushIssuer }),
    audiences: audience === undefined ? [] : [audience],
    emails,
  };
}
