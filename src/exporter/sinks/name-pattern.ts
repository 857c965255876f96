/**
 * Patterns for `project.dataset.table`, in which `*` stands for any number of characters, dots
 * included: `acme.*` is all of the project, `acme.tests.*` all of one dataset, `*.nightly_*` some
 * tables of all projects.
 */
import { matchesWildcards } from '@postlude/queue/foundations';
import type { ExportTable } from '../sink.ts';

/** Throws an Error that says what would be right. */
export function parseNamePattern(value: unknown): string {
  if (typeof value !== 'string' || value.trim() === '') {
    throw new Error('must be a pattern for project.dataset.table, such as acme.* or acme.tests.*');
  }
  const strange = /[?[\]{}\s]|\*\*/.exec(value)?.[0];
  if (strange !== undefined) {
    throw new Error(
      `has ${JSON.stringify(strange)}: the only wildcard is *, for any number of characters`,
    );
  }
  if (dots(value) < 2 && !value.includes('*')) {
    throw new Error(
      `matches no table, as it does not name project, dataset and table: write ${value}.*`,
    );
  }
  return value;
}

/** A project id may contain a domain: `example.com:ci`. Datasets and tables have no dots. */
const TABLE_NAME = /^((?:[^:]+:)?[^.:]+)\.([^.:]+)\.([^.:]+)$/;

/** Throws an Error that says what would be right. */
export function parseTableName(text: string): ExportTable {
  const [, project, dataset, table] = TABLE_NAME.exec(text) ?? [];
  if (project === undefined || dataset === undefined || table === undefined) {
    throw new Error('must be project.dataset.table, such as acme.ci.invocations');
  }
  return { project, dataset, table };
}

export function tableName({ project, dataset, table }: ExportTable): string {
  return `${project}.${dataset}.${table}`;
}

/** Whether `pattern` matches every table that `other` matches. */
export function covers(pattern: string, other: string): boolean {
  // A `*` of the other pattern is only matched by a `*`, as it stands for any character.
  return matchesWildcards(pattern, withDots(other));
}

/** Every name has two dots, so `acme.*` means the same as `acme.*.*`. */
function withDots(pattern: string): string {
  const stars = pattern.split('*').length - 1;
  const missing = Math.max(0, 2 - dots(pattern));
  return stars === 1 ? pattern.replace('*', `*${'.*'.repeat(missing)}`) : pattern;
}

function dots(text: string): number {
  return text.split('.').length - 1;
}
