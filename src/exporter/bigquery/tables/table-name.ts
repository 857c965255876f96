import type { ExportTable } from '../../sink.ts';

/** The name of a table for people, which is also its name in SQL: `acme.tests.results`. */
export function tableName({ project, dataset, table }: ExportTable): string {
  return `${project}.${dataset}.${table}`;
}
