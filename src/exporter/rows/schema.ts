/**
 * The columns of tables of test results and of invocations. They have the names and types of ResultDB's
 * columns, so that queries written for its tables run on ours. New columns are only ever added, at the end;
 * of a table, and of each record.
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

const JSON_TEXT = 'JSON, for which warehouses have functions.';

const LOCATION = [
  column('repo', 'STRING', 'URL of the repository.'),
  column('file_name', 'STRING', 'From the root of the repository, which is "//".'),
  column('line', 'INTEGER', 'From 1; 0 if it is not known.'),
];

const SOURCES = [
  record(
    'gitiles_commit',
    [
      column('host', 'STRING', 'Such as chromium.googlesource.com.'),
      column('project', 'STRING', 'The name of the repository.'),
      column('ref', 'STRING', 'The branch: refs/heads/main.'),
      column('commit_hash', 'STRING', 'In hexadecimal digits.'),
      column('position', 'INTEGER', 'The number of the commit in its branch.'),
    ],
    'The commit that was tested.',
  ),
  repeated(
    'changelists',
    [
      column('host', 'STRING', 'Such as chromium-review.googlesource.com.'),
      column('project', 'STRING', 'The name of the repository.'),
      column('change', 'INTEGER', 'The number of the change.'),
      column('patchset', 'INTEGER', 'The number of its patch set.'),
    ],
    'The changes that were applied to it.',
  ),
  column('is_dirty', 'BOOL', 'Whether other changes were applied as well.'),
  record(
    'submitted_android_build',
    [
      column('data_realm', 'STRING', 'Such as prod.'),
      column('branch', 'STRING', 'The branch of the build.'),
      column('build_id', 'INTEGER', 'The number of the build.'),
    ],
    'The build of Android that was tested, instead of a commit.',
  ),
];

const STRUCTURED_ID = [
  column('module_name', 'STRING', 'The module; "legacy" for a plain test_id.'),
  column('module_scheme', 'STRING', 'How the ids of its tests are built; "legacy" likewise.'),
  column('module_variant', 'STRING', 'JSON: the variant as an object.'),
  column('module_variant_hash', 'STRING', 'The same as variant_hash.'),
  column('coarse_name', 'STRING', 'A package or a folder; empty if the scheme has none.'),
  column('fine_name', 'STRING', 'A class or a file; empty if the scheme has none.'),
  column('case_name', 'STRING', 'The test itself.'),
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
      record(
        'bug_component',
        [
          record(
            'issue_tracker',
            [column('component_id', 'INTEGER', 'The number of the component.')],
            "A component of Google's issue tracker.",
          ),
          record(
            'monorail',
            [
              column('project', 'STRING', 'The project.'),
              column('value', 'STRING', 'Such as Infra>Client.'),
            ],
            'A component of Monorail.',
          ),
        ],
        'Where bugs in the test are filed.',
      ),
      column('properties', 'STRING', JSON_TEXT),
      column('previous_test_id', 'STRING', 'The id that the test had before it was renamed.'),
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
      column('kind', 'STRING', 'ORDINARY, CRASH or TIMEOUT.'),
      repeated(
        'errors',
        [
          column('message', 'STRING', 'The message without its trace.'),
          column('trace', 'STRING', 'Where the error occurred.'),
        ],
        'The errors, the most important one first.',
      ),
      column('truncated_errors_count', 'INTEGER', 'How many more errors there were.'),
    ],
    'Why the test failed, to group failures by.',
  ),
  column('insert_time', 'TIMESTAMP', 'When the export was asked for, for the last time.'),
  column('properties', 'STRING', JSON_TEXT),
  record('sources', SOURCES, 'What was tested, if that is known.'),
  column('skip_reason', 'STRING', 'AUTOMATICALLY_DISABLED_FOR_FLAKINESS; see skipped_reason.'),
  record('test_id_structured', STRUCTURED_ID, 'The parts of test_id and variant.'),
  column('status_v2', 'STRING', 'PASSED, FAILED, SKIPPED, EXECUTION_ERRORED or PRECLUDED.'),
  record(
    'skipped_reason',
    [
      column('kind', 'STRING', 'DISABLED_AT_DECLARATION, SKIPPED_BY_TEST_BODY, DEMOTED or OTHER.'),
      column('reason_message', 'STRING', 'The reason, for people.'),
      column('trace', 'STRING', 'Where the test was skipped.'),
    ],
    'Why the test was skipped.',
  ),
  record(
    'framework_extensions',
    [
      record(
        'web_test',
        [
          column('is_expected', 'BOOL', 'Whether the web test did what was expected of it.'),
          column('status', 'STRING', 'PASS, FAIL, CRASH, TIMEOUT or SKIP.'),
        ],
        'How a web test ended.',
      ),
    ],
    'What some frameworks say in addition.',
  ),
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
  column('is_export_root', 'BOOL', 'Whether it is the root of an export.'),
  column('extended_properties', 'STRING', 'JSON: an object of its extended properties by key.'),
  record('sources', SOURCES, 'What was tested, if it says so itself.'),
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
