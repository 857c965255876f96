/** The configuration of pushed tasks, from its settings: how they are delivered, and who may push. */
import { isLoopback } from '@postlude/queue/foundations';
import type { PushAuthOptions, RequestSettings } from '@postlude/queue/tq';
import type { Settings } from './settings.ts';
import type { WrittenSettings } from './written-settings.ts';

export interface PushTaskConfig {
  /** What delivers the tasks: the queue of the database, or Cloud Tasks. */
  readonly queue: Settings['tqQueue'];
  readonly requests: RequestSettings;
  /** The `host:port` of an emulator of Cloud Tasks. */
  readonly emulatorHost: string | undefined;
  /** Who may push: nobody, programs on this machine, or the given accounts. */
  readonly pushers: 'none' | 'loopback' | PushAuthOptions;
  /** 0 disables sweeps. */
  readonly sweepEveryMs: number;
}

/** Reports contradictions between settings to `written`. */
export function pushTaskConfig(settings: Settings, written: WrittenSettings): PushTaskConfig {
  checkCloudTasks(settings, written);
  return {
    queue: settings.tqQueue,
    requests: requestSettings(settings),
    emulatorHost: settings.cloudTasksEmulator,
    pushers: pushersOf(settings, written),
    sweepEveryMs: settings.tqSweepEveryMs,
  };
}

function checkCloudTasks({ tqQueue, listen }: Settings, written: WrittenSettings): void {
  if (tqQueue !== 'cloud-tasks') return;
  // A setting with an invalid value has been reported already.
  const needed = ['tqProject', 'tqRegion', 'tqTargetHost'] as const;
  const missing = needed.filter((name) => !written.has(name));
  if (missing.length > 0) written.report(['tqQueue'], `needs ${missing.join(', ')} as well`);
  if (isLoopback(listen.host) || written.has('tqPushAs')) return;
  const problem = `${listen.host} can be reached from other machines, and pushes are not authenticated: set tqPushAs`;
  written.report(['tqQueue'], problem);
}

function requestSettings(settings: Settings): RequestSettings {
  const { tqProject: project, tqRegion: region, tqNamespace: namespace } = settings;
  const { tqTargetHost: defaultTargetHost, tqPushAs: pushAs } = settings;
  const pushAudience = audienceOf(settings);
  const given = { project, region, namespace, defaultTargetHost, pushAs, pushAudience };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** The receiver must know the audience beforehand, so it is not the task's URL, Cloud Tasks' default. */
function audienceOf({ tqPushAudience, tqTargetHost }: Settings): string | undefined {
  if (tqPushAudience !== undefined || tqTargetHost === undefined) return tqPushAudience;
  return tqTargetHost.includes('://') ? tqTargetHost : `https://${tqTargetHost}`;
}

function pushersOf(settings: Settings, written: WrittenSettings): PushTaskConfig['pushers'] {
  const { tqPushAs, tqPushers, tqPushIssuer: issuer, tqQueue } = settings;
  const emails = tqPushers ?? (tqPushAs === undefined ? [] : [tqPushAs]);
  if (emails.length === 0) return tqQueue === 'cloud-tasks' ? 'loopback' : 'none';
  const audience = audienceOf(settings);
  if (tqQueue === 'database' && !written.hasAny('tqPushAudience', 'tqTargetHost')) {
    written.report(['tqPushers', 'tqPushAs'], 'needs tqPushAudience or tqTargetHost as well');
  }
  return {
    ...(issuer === undefined ? {} : { issuer }),
    audiences: audience === undefined ? [] : [audience],
    emails,
  };
}
