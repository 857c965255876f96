/** The columns of test results in a Parquet file, as DuckDB describes them. */
const PAIRS_TYPE = 'STRUCT("key" VARCHAR, "value" VARCHAR)[]';
const INVOCATION_TYPE = `STRUCT(id VARCHAR, tags ${PAIRS_TYPE}, realm VARCHAR, properties VARCHAR)`;
const LOCATION_TYPE = 'STRUCT(repo VARCHAR, file_name VARCHAR, line BIGINT)';
const COMPONENT_TYPE =
  'STRUCT(issue_tracker STRUCT(component_id BIGINT), monorail STRUCT(project VARCHAR, "value" VARCHAR))';
const METADATA_TYPE = `STRUCT("name" VARCHAR, "location" ${LOCATION_TYPE}, bug_component ${COMPONENT_TYPE}, properties VARCHAR, previous_test_id VARCHAR)`;
const FAILURE_REASON_TYPE =
  'STRUCT(primary_error_message VARCHAR, kind VARCHAR, errors STRUCT(message VARCHAR, trace VARCHAR)[], truncated_errors_count BIGINT)';
const COMMIT_TYPE =
  'STRUCT(host VARCHAR, project VARCHAR, "ref" VARCHAR, commit_hash VARCHAR, "position" BIGINT)';
const CHANGES_TYPE = 'STRUCT(host VARCHAR, project VARCHAR, change BIGINT, patchset BIGINT)[]';
const BUILD_TYPE = 'STRUCT(data_realm VARCHAR, branch VARCHAR, build_id BIGINT)';
const SOURCES_TYPE = `STRUCT(gitiles_commit ${COMMIT_TYPE}, changelists ${CHANGES_TYPE}, is_dirty BOOLEAN, submitted_android_build ${BUILD_TYPE})`;
const TEST_ID_TYPE =
  'STRUCT(module_name VARCHAR, module_scheme VARCHAR, module_variant VARCHAR, module_variant_hash VARCHAR, coarse_name VARCHAR, fine_name VARCHAR, case_name VARCHAR)';
const SKIPPED_REASON_TYPE = 'STRUCT(kind VARCHAR, reason_message VARCHAR, trace VARCHAR)';
const EXTENSIONS_TYPE = 'STRUCT(web_test STRUCT(is_expected BOOLEAN, status VARCHAR))';

export const PARQUET_COLUMNS = [
  { column_name: 'exported', column_type: INVOCATION_TYPE },
  { column_name: 'parent', column_type: INVOCATION_TYPE },
  { column_name: 'test_id', column_type: 'VARCHAR' },
  { column_name: 'result_id', column_type: 'VARCHAR' },
  { column_name: 'variant', column_type: PAIRS_TYPE },
  { column_name: 'variant_hash', column_type: 'VARCHAR' },
  { column_name: 'expected', column_type: 'BOOLEAN' },
  { column_name: 'status', column_type: 'VARCHAR' },
  { column_name: 'summary_html', column_type: 'VARCHAR' },
  { column_name: 'start_time', column_type: 'TIMESTAMP WITH TIME ZONE' },
  { column_name: 'duration', column_type: 'DOUBLE' },
  { column_name: 'tags', column_type: PAIRS_TYPE },
  { column_name: 'exonerated', column_type: 'BOOLEAN' },
  { column_name: 'partition_time', column_type: 'TIMESTAMP WITH TIME ZONE' },
  { column_name: 'test_location', column_type: LOCATION_TYPE },
  { column_name: 'test_metadata', column_type: METADATA_TYPE },
  { column_name: 'failure_reason', column_type: FAILURE_REASON_TYPE },
  { column_name: 'insert_time', column_type: 'TIMESTAMP WITH TIME ZONE' },
  { column_name: 'properties', column_type: 'VARCHAR' },
  { column_name: 'sources', column_type: SOURCES_TYPE },
  { column_name: 'skip_reason', column_type: 'VARCHAR' },
  { column_name: 'test_id_structured', column_type: TEST_ID_TYPE },
  { column_name: 'status_v2', column_type: 'VARCHAR' },
  { column_name: 'skipped_reason', column_type: SKIPPED_REASON_TYPE },
  { column_name: 'framework_extensions', column_type: EXTENSIONS_TYPE },
];
