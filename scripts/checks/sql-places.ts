/**
 * SQL is only in `storage/` and beside the nouns that it stores: elsewhere nobody writes it or declares a
 * table, so that a change of the schema is a change in these folders. Sinks of exports may speak to an
 * engine of their own.
 */
import ts from 'typescript';
import { type Check, type Offence, SOURCE_ROOTS, type SourceFile, walk } from './check.ts';

/** Relative to the sources of a package. */
const PLACES =
  /^(storage|artifacts|invocations|results|secrets|exporter|retention|gauges|tasks|tq)\//;

const STATEMENT = new RegExp(
  [
    String.raw`\bSELECT\s[\s\S]*\sFROM\s`,
    String.raw`\b(INSERT INTO|DELETE FROM|TRUNCATE TABLE)\s`,
    String.raw`\bUPDATE\s+\S+\s+SET\s`,
    String.raw`\b(CREATE|ALTER|DROP)\s+(UNIQUE\s+)?(TABLE|INDEX|SCHEMA|SEQUENCE)\s`,
  ].join('|'),
);

const ELSEWHERE = `${SOURCE_ROOTS[0]}/server/planted`;

export const sqlPlaces: Check = {
  name: 'SQL only in storage and the nouns',
  applies: ({ room }) => room !== undefined && !room.endsWith('.test.ts') && !PLACES.test(room),
  find,
  planted: {
    refused: [
      [`${ELSEWHERE}.ts`, 'const due = sql`state = 1`;'],
      [`${ELSEWHERE}.ts`, "const letters = table('letters', { id: text }, ['id']);"],
      [`${ELSEWHERE}.ts`, "client.query('SELECT 1 FROM tasks');"],
      [`${ELSEWHERE}.ts`, 'client.query(`UPDATE tasks SET n = 1`);'],
      [`${ELSEWHERE}.ts`, "client.query('DROP TABLE tasks');"],
    ],
    accepted: [
      [`${ELSEWHERE}.test.ts`, 'const due = sql`state = 1`;'],
      [`${ELSEWHERE}.ts`, "log.info('select a run from the list'); // SELECT 1 FROM tasks"],
      [`${SOURCE_ROOTS[0]}/storage/planted.ts`, 'const due = sql`state = 1`;'],
    ],
  },
};

function find(file: SourceFile): Offence[] {
  const offences: Offence[] = [];
  walk(file, (node) => {
    const what = whatIsSql(node);
    if (what === undefined) return;
    offences.push({ at: node.getStart(), say: `${what}; move it beside its noun, or to storage/` });
  });
  return offences;
}

function whatIsSql(node: ts.Node): string | undefined {
  if (ts.isTaggedTemplateExpression(node)) {
    return node.tag.getText() === 'sql' ? 'SQL' : undefined;
  }
  if (ts.isCallExpression(node)) {
    return node.expression.getText() === 'table' ? 'the definition of a table' : undefined;
  }
  const isText = ts.isStringLiteral(node) || ts.isTemplateLiteral(node);
  const isUntagged = isText && !ts.isTaggedTemplateExpression(node.parent);
  return isUntagged && STATEMENT.test(node.getText()) ? 'SQL' : undefined;
}
