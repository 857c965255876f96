/**
 * All commands, in the order of the help text. Each is loaded only if it is needed: most of them
 * talk to a server, and importing the modules for that takes longer than the call itself.
 */
import type { CommandMaker } from './command.ts';

const LOADERS: Readonly<Record<string, () => Promise<CommandMaker>>> = {
  record: async () => (await import('./commands/recording/record.ts')).recordCommand,
  flush: async () => (await import('./commands/recording/flush.ts')).flushCommand,
  upload: async () => (await import('./commands/recording/upload.ts')).uploadCommand,
  create: async () => (await import('./commands/runs/create.ts')).createCommand,
  include: async () => (await import('./commands/runs/include.ts')).includeCommand,
  finalize: async () => (await import('./commands/runs/finalize.ts')).finalizeCommand,
  status: async () => (await import('./commands/runs/status.ts')).statusCommand,
  list: async () => (await import('./commands/runs/list.ts')).listCommand,
  why: async () => (await import('./commands/runs/why.ts')).whyCommand,
  query: async () => (await import('./commands/results/query.ts')).queryCommand,
  show: async () => (await import('./commands/results/show.ts')).showCommand,
  gate: async () => (await import('./commands/results/gate.ts')).gateCommand,
  export: async () => (await import('./commands/results/export.ts')).exportCommand,
  tasks: async () => (await import('./commands/server/tasks.ts')).tasksCommand,
  tq: async () => (await import('./commands/server/tq.ts')).tqCommand,
  limits: async () => (await import('./commands/server/limits.ts')).limitsCommand,
  inspect: async () => (await import('./commands/recording/inspect.ts')).inspectCommand,
  serve: async () => (await import('./commands/server/serve.ts')).serveCommand,
  migrate: async () => (await import('./commands/server/migrate.ts')).migrateCommand,
  copy: async () => (await import('./commands/server/copy.ts')).copyCommand,
  sweep: async () => (await import('./commands/server/sweep.ts')).sweepCommand,
  purge: async () => (await import('./commands/server/purge.ts')).purgeCommand,
  doctor: async () => (await import('./commands/server/doctor.ts')).doctorCommand,
  completion: async () => (await import('./commands/server/completion.ts')).completionCommand,
};

export function loadAllCommands(): Promise<CommandMaker[]> {
  return Promise.all(Object.values(LOADERS).map((load) => load()));
}

/**
 * Loads every command whose name appears among the arguments: an option's value may look like one.
 * Loads all commands if none appears, as the user then asks for help or has made a mistake.
 */
export function loadCommandsFor(argv: readonly string[]): Promise<CommandMaker[]> {
  const end = argv.indexOf('--');
  const words = new Set(end < 0 ? argv : argv.slice(0, end));
  const named = Object.entries(LOADERS).filter(([name]) => words.has(name));
  if (words.has('completion')) return loadAllCommands();
  if (named.length > 0) return Promise.all(named.map(([, load]) => load()));
  return VERSION_FLAGS.has(argv[0] ?? '') ? Promise.resolve([]) : loadAllCommands();
}

const VERSION_FLAGS = new Set(['-V', '--version']);
