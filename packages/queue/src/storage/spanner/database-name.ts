/** Names of Cloud Spanner databases: `spanner://project/instance/database`. */

export interface DatabaseName {
  readonly project: string;
  readonly instance: string;
  readonly database: string;
  /** The name in the API: `projects/…/instances/…/databases/…`. */
  readonly path: string;
}

const URL_FORM = /^spanner:\/\/([^/]+)\/([^/]+)\/([^/]+)$/;
const PATH_FORM = /^projects\/([^/]+)\/instances\/([^/]+)\/databases\/([^/]+)$/;
const PROJECT = /^[a-z0-9.:-]{1,100}$/;
const INSTANCE = /^[a-z][a-z0-9-]{0,62}[a-z0-9]$/;
const DATABASE = /^[a-z][a-z0-9_-]{0,28}[a-z0-9]$/;

/** Parses either form of a name. Throws an Error that says what a name must look like. */
export function parseDatabaseName(text: string): DatabaseName {
  const match = URL_FORM.exec(text) ?? PATH_FORM.exec(text);
  const [, project = '', instance = '', database = ''] = match ?? [];
  if (!match) throw new Error('must be spanner://PROJECT/INSTANCE/DATABASE');
  check('project', project, PROJECT);
  check('instance', instance, INSTANCE);
  check('database', database, DATABASE);
  const path = `projects/${project}/instances/${instance}/databases/${database}`;
  return { project, instance, database, path };
}

function check(part: string, name: string, form: RegExp): void {
  if (!form.test(name)) throw new Error(`names no possible ${part} of Spanner: ${name}`);
}
