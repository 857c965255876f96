/**
 * Which sink each export goes to, from the configuration:
 *
 *     sinks:
 *       archive: { kind: s3, bucket: acme-results }
 *     exports:
 *       - { match: acme.nightly.*, to: archive }
 *     defaultSink: parquet
 *
 * The first rule that matches `project.dataset.table` decides; if none does, the default sink. There
 * always is a sink `parquet`: the export folder.
 */
import { matchesWildcards, toError } from '@postlude/queue/foundations';
import type { ExportTable } from '../sink.ts';
import { SINK_KINDS } from './kinds.ts';
import { covers, parseNamePattern, tableName } from './name-pattern.ts';

/** The name of the sink that is always there. */
export const LOCAL_SINK = 'parquet';

export interface ExportSettings {
  /** Kind and options of each sink, by its name, as it is in the configuration. */
  readonly sinks: unknown;
  readonly exports: unknown;
  readonly defaultSink: string;
  /** The folder of the sink `parquet`. */
  readonly exportDir: string;
  /** The folder that paths in options are relative to. */
  readonly folder: string;
}

export interface PlannedSink {
  readonly kind: string;
  /** The options as the kind has parsed them. */
  readonly options: Readonly<Record<string, unknown>>;
}

export interface ExportRule {
  readonly match: string;
  readonly to: string;
}

export interface ExportPlan {
  readonly sinks: ReadonlyMap<string, PlannedSink>;
  readonly rules: readonly ExportRule[];
  readonly defaultSink: string;
}

/** Is told what is wrong with a setting; each problem says what would be right. */
export type ReportProblem = (setting: 'sinks' | 'exports' | 'defaultSink', problem: string) => void;

export function planExports(settings: ExportSettings, report: ReportProblem): ExportPlan {
  const local = { kind: 'parquet', options: { folder: settings.exportDir } };
  const given = parseSinks(settings, (problem) => report('sinks', problem));
  const sinks = new Map([[LOCAL_SINK, local], ...given]);
  const names = new Set([LOCAL_SINK, ...Object.keys(asRecord(settings.sinks) ?? {})]);
  const rules = parseRules(settings.exports, (problem) => report('exports', problem));
  const { defaultSink } = settings;
  rules.forEach(({ to }, index) => {
    if (!names.has(to)) report('exports', `exports[${index}]: ${noSuchSink(to, names)}`);
  });
  if (!names.has(defaultSink))
    report('defaultSink', `defaultSink: ${noSuchSink(defaultSink, names)}`);
  for (const problem of unreachableRules(rules)) report('exports', problem);
  return { sinks, rules, defaultSink };
}

/** Returns the name of the sink that the exports to a table go to. */
export function sinkOf({ rules, defaultSink }: ExportPlan, table: ExportTable): string {
  const name = tableName(table);
  return rules.find(({ match }) => matchesWildcards(match, name))?.to ?? defaultSink;
}

/** Returns the sinks that exports can go to, each with its plan. */
export function usedSinks(plan: ExportPlan): [string, PlannedSink][] {
  const used = new Set([plan.defaultSink, ...plan.rules.map(({ to }) => to)]);
  return [...plan.sinks].filter(([name]) => used.has(name));
}

type Report = (problem: string) => void;

function parseSinks(settings: ExportSettings, report: Report): [string, PlannedSink][] {
  if (settings.sinks === undefined) return [];
  const sinks = asRecord(settings.sinks);
  if (!sinks) report('sinks: must map the names of sinks to their kind and options');
  return Object.entries(sinks ?? {}).flatMap(([name, written]): [string, PlannedSink][] => {
    const found: string[] = [];
    const sink = parseSink({ name, written, folder: settings.folder }, found);
    for (const problem of found) report(`sinks.${name}: ${problem}`);
    return sink && found.length === 0 ? [[name, sink]] : [];
  });
}

function parseSink(
  {
    name,
    written,
    folder,
  }: { readonly name: string; readonly written: unknown; readonly folder: string },
  problems: string[],
): PlannedSink | undefined {
  if (name === LOCAL_SINK) {
    problems.push('this name is taken by the export folder (exportDir): choose another');
  }
  const { kind, ...given } = asRecord(written) ?? {};
  const kinds = [...SINK_KINDS.keys()].join(', ');
  const known = typeof kind === 'string' ? SINK_KINDS.get(kind) : undefined;
  if (typeof kind !== 'string' || !known) {
    const what = kind === undefined ? 'must be set' : `cannot be ${JSON.stringify(kind)}`;
    problems.push(`kind ${what}: choose one of ${kinds}`);
    return undefined;
  }
  const optionNames = Object.keys(known.options);
  for (const option of Object.keys(given)) {
    if (optionNames.includes(option)) continue;
    problems.push(
      `unknown option ${option}: a sink of kind ${kind} takes ${optionNames.join(', ')}`,
    );
  }
  const options: Record<string, unknown> = {};
  for (const option of optionNames) {
    try {
      options[option] = known.options[option].parse(given[option], folder);
    } catch (error) {
      problems.push(`${option} ${toError(error).message}`);
    }
  }
  return { kind, options };
}

function parseRules(exports: unknown, report: Report): ExportRule[] {
  if (exports === undefined) return [];
  if (!Array.isArray(exports)) {
    report('exports: must be a list of rules, such as - { match: acme.*, to: archive }');
    return [];
  }
  return exports.flatMap((written: unknown, index) => {
    try {
      return [parseRule(written)];
    } catch (error) {
      report(`exports[${index}]: ${toError(error).message}`);
      return [];
    }
  });
}

function parseRule(written: unknown): ExportRule {
  const { match, to, ...others } = asRecord(written) ?? {};
  const [other] = Object.keys(others);
  if (other !== undefined) throw new Error(`unknown key ${other}: a rule has match and to`);
  if (typeof to !== 'string') throw new Error('to must be the name of a sink');
  try {
    return { match: parseNamePattern(match), to };
  } catch (error) {
    throw new Error(`match ${toError(error).message}`, { cause: error });
  }
}

function noSuchSink(name: string, names: Iterable<string>): string {
  return `there is no sink ${JSON.stringify(name)}: define it in sinks, or choose one of ${[...names].join(', ')}`;
}

function unreachableRules(rules: readonly ExportRule[]): string[] {
  return rules.flatMap(({ match }, index) => {
    const earlier = rules.slice(0, index).find((other) => covers(other.match, match));
    if (!earlier) return [];
    return [
      `exports[${index}]: ${match} is never reached, as ${earlier.match} before it matches the same: put it first, or remove it`,
    ];
  });
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Readonly<Record<string, unknown>>;
}
