/** Names of queues and topics, short and full. */

/** The settings that complete short names. */
export interface CloudPlace {
  /** `default` unless given. */
  readonly project?: string;
  /** `default` unless given. */
  readonly region?: string;
}

const QUEUE =
  /^projects\/[A-Za-z0-9:._-]+\/locations\/[A-Za-z0-9:._-]+\/queues\/[A-Za-z0-9-]{1,100}$/;
const SHORT_QUEUE = /^[A-Za-z0-9-]{1,100}$/;
const TOPIC = /^projects\/[A-Za-z0-9:._-]+\/topics\/[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/;
const SHORT_TOPIC = /^[A-Za-z][A-Za-z0-9._~+%-]{2,254}$/;

export function isQueueName(name: string): boolean {
  return SHORT_QUEUE.test(name) || QUEUE.test(name);
}

export function isTopicName(name: string): boolean {
  return SHORT_TOPIC.test(name) || TOPIC.test(name);
}

/** `projects/P/locations/L/queues/Q`. */
export function fullQueueName(name: string, { project, region }: CloudPlace): string {
  if (name.includes('/')) return name;
  return `projects/${project ?? 'default'}/locations/${region ?? 'default'}/queues/${name}`;
}

/** `projects/P/topics/T`. */
export function fullTopicName(name: string, { project }: CloudPlace): string {
  return name.includes('/') ? name : `projects/${project ?? 'default'}/topics/${name}`;
}

/** The last part of a full name. */
export function shortName(name: string): string {
  return name.slice(name.lastIndexOf('/') + 1);
}
