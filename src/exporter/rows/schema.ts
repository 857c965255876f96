/**
 * The columns of tables of test results and of invocations. They have the names and types of ResultDB's
 * columns, so that queries written for its tables run on ours. New columns are only ever added, at the end.
 */

/** BigQuery's names of types; each sink maps them to its own. Times count in microseconds. */
export type ColumnType = 'STRING' | 'BOOL' | 'INTEGER' | 'FLOAT' | 'TIMESTAMP' | 'RECORD';

export interface Column {
  readonly name: string;
  readonly type: ColumnType;
  /** No column is required, since a required one could never be added to a table with rows. */
  readonly mode: 'NULLABLE' | 'REPEATED';
  /** The fields of a record; none for any other type. */
  readonly fields: readonly Column[];
  readonly description: string;
}

const PAIR = [
  column('key', 'STRING', 'It may occur again with another value.'),
  column('value', 'STRING', 'Any text.'),
];

const INVOCATION_RECORD = [
  column('id', 'STRING', 'Without the prefix "invocations/".'),
  repeated('tags', PAIR, 'Sorted by key and value.'),
  column('realm', 'STRING', 'As {project}:{realm}.'),
  column('properties', 'STRING', 'JSON: what its owner says of it, and how its command ended.'),
];

const LOCATION = [
  column('repo', 'STRING', 'URL of the repository.'),
  column('file_name', 'STRING', 'From the root of the repository, which is "//".'),
  column('line', 'INTEGER', 'From 1; 0 if it is not known.'),
];

/** The columns of a table of test results, in its order. */
export const TEST_RESULT_COLUMNS: readonly Column[] = [
  record('exported', INVOCATION_RECORD, 'The invocation whose finalization caused the export.'),
  record('parent', INVOCATION_RECORD, 'The invocation that holds the result itself.'),
  column('test_id', 'STRING', 'Identifies the test within the realm.'),
  column('result_id', 'STRING', 'Identifies a result among those of one test in one invocation.'),
  repeated('variant', PAIR, 'How the test was run: operating system, builder. Sorted by key.'),
  column('variant_hash', 'STRING', 'Equal for equal variants.'),
  column('expected', 'BOOL', 'Whether the result is the expected one.'),
  column('status', 'STRING', 'PASS, FAIL, CRASH, ABORT or SKIP.'),
  column('summary_html', 'STRING', 'What happened, for people; a long text is cut.'),
  column('start_time', 'TIMESTAMP', 'When the test began.'),
  column('duration', 'FLOAT', 'Seconds.'),
  repeated('tags', PAIR, 'Tags of the result, sorted by key and value.'),
  column('exonerated', 'BOOL', 'Whether anything exported with it exonerates the test variant.'),
  column('partition_time', 'TIMESTAMP', 'When the exported invocation was created.'),
  record(
    'test_location',
    LOCATION,
    'Where the test is defined; test_metadata is the newer column.',
  ),
  record(
    'test_metadata',
    [
      column('name', 'STRING', 'The name that people know the test by.'),
      record('location', LOCATION, 'Where the test is defined.'),
    ],
    'What is known of the test itself, apart from any run of it.',
  ),
  record(
    'failure_reason',
    [
      column(
        'primary_error_message',
        'STRING',
        'The message of the error that made the test fail.',
      ),
    ],
    'Why the test failed, to group failures by.',
  ),
  column('insert_time', 'TIMESTAMP', 'When the export was asked for, for the last time.'),
];

/** The columns of a table of invocations, in its order. */
export const INVOCATION_COLUMNS: readonly Column[] = [
  column('project', 'STRING', 'The project of its realm.'),
  column('realm', 'STRING', 'Its realm, without the project.'),
  column('id', 'STRING', 'Without the prefix "invocations/".'),
  column('create_time', 'TIMESTAMP', 'When it was created.'),
  repeated('tags', PAIR, 'Sorted by key and value.'),
  column('finalize_time', 'TIMESTAMP', 'When it became FINALIZED.'),
  texts('included_invocations', 'The ids of the invocations that it includes directly, sorted.'),
  column('producer_resource', 'STRING', 'The full name of what has produced it: a CI job.'),
  column('properties', 'STRING', 'JSON: what its owner says of it, and how its command ended.'),
  column('partition_time', 'TIMESTAMP', 'The same as create_time.'),
];

function column(name: string, type: ColumnType, description: string): Column {
  return { name, type, mode: 'NULLABLE', fields: [], description };
}

function record(name: string, fields: readonly Column[], description: string): Column {
  return { name, type: 'RECORD', mode: 'NULLABLE', fields, description };
}

function repeated(name: string, fields: readonly Column[], description: string): Column {
  return { name, type: 'RECORD', mode: 'REPEATED', fields, description };
}

function texts(name: string, description: string): Column {
  return { name, type: 'STRING', mode: 'REPEATED', fields: [], description };
}
