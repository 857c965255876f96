/** All attacks, by kind. */
import type { Attack, ServerAttack } from './attack.ts';
import { BODIES } from './bodies.ts';
import { COMMANDS } from './commands.ts';
import { CONNECTIONS } from './connections.ts';
import { GROWTH } from './growth.ts';
import { LOAD } from './load.ts';

export const KINDS: Readonly<Record<string, readonly Attack[]>> = {
  bodies: BODIES,
  connections: CONNECTIONS,
  load: LOAD,
  growth: GROWTH,
  commands: COMMANDS,
};

const ALL: readonly Attack[] = Object.values(KINDS).flat();

/** Returns the attacks that have one of these names, or are of a kind of that name; `all` are all. */
export function attacksNamed(names: readonly string[]): readonly Attack[] {
  const kinds = names.flatMap((name) => KINDS[name] ?? []);
  return ALL.filter((attack) => {
    return names.includes('all') || names.includes(attack.name) || kinds.includes(attack);
  });
}

export const NAMES: readonly string[] = [
  'all',
  ...Object.keys(KINDS),
  ...ALL.map(({ name }) => name),
];

export const SERVER_ATTACKS = ALL.filter((attack) => attack.kind === 'server');

export function serverAttack(name: string): ServerAttack {
  const found = SERVER_ATTACKS.find((attack) => attack.name === name);
  if (!found) throw new Error(`there is no attack ${name} on a server`);
  return found;
}
