/** A table: its resource as `tables.get` returns it, its ETag, and the rows that queries would see. */
import { createHash } from 'node:crypto';
import type { Clock } from '@postlude/queue/foundations';
import { ApiError } from './errors.ts';
import { type Limits, RateLimit } from './limits.ts';
import { changeFields, type Field, parseFields } from './schema.ts';
import type { Row } from './values.ts';

export interface TableName {
  readonly project: string;
  readonly dataset: string;
  readonly table: string;
}

/** A row that is visible to queries. */
export interface LandedRow {
  readonly row: Row;
  /** The last part of the name of its stream; undefined if it came through insertAll. */
  readonly stream?: string;
  /** Undefined for the default stream and for insertAll. */
  readonly offset?: number;
  readonly insertId?: string;
  /** When it came through insertAll. */
  readonly streamedAt?: number;
}

interface Surroundings {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly keepsRows: boolean;
}

type Json = Readonly<Record<string, unknown>>;
interface Partitioning extends Json {
  readonly type?: unknown;
  readonly field?: unknown;
}

const PARTITION_TYPES = ['DAY', 'HOUR', 'MONTH', 'YEAR'];
const MAX_CLUSTERING = 4;
const CLUSTERED = /^(BIGNUMERIC|BOOLEAN|DATE|DATETIME|GEOGRAPHY|INTEGER|NUMERIC|STRING|TIMESTAMP)$/;

export class Table {
  readonly name: TableName;
  readonly createdAt: number;
  /** Empty if the fake only counts rows. */
  rows: LandedRow[] = [];
  /** Is called after each change of the visible rows; tests set it. */
  onChange: () => void = () => undefined;
  /** When each insertId was last seen. */
  readonly insertIds = new Map<string, number>();
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #updates: RateLimit;
  #resource: Json;
  #fields: readonly Field[];
  /** The columns before the latest change, and when that was. */
  #earlier: { readonly fields: readonly Field[]; readonly until: number } | undefined;
  #version = 1;
  #rowCount = 0;
  readonly #keepsRows: boolean;

  constructor(at: Surroundings, name: TableName, body: Json) {
    this.#keepsRows = at.keepsRows;
    this.#clock = at.clock;
    this.#limits = at.limits;
    this.#updates = new RateLimit(at.clock, {
      count: at.limits.tableUpdates,
      perMs: at.limits.tableUpdatesPerMs,
    });
    this.name = name;
    this.createdAt = at.clock.now();
    this.#fields = body.schema ? parseFields((body.schema as Json).fields) : [];
    this.#resource = definitionOf(body);
    checkDefinition(this.#resource, this.#fields);
  }

  get fields(): readonly Field[] {
    return this.#fields;
  }

  /** The columns that writers see. */
  get writableFields(): readonly Field[] {
    const isEarlier = this.#earlier && this.#clock.now() < this.#earlier.until;
    return isEarlier ? (this.#earlier?.fields ?? []) : this.#fields;
  }

  /** In the form of `projects/{project}/datasets/{dataset}/tables/{table}`. */
  get path(): string {
    const { project, dataset, table } = this.name;
    return `projects/${project}/datasets/${dataset}/tables/${table}`;
  }

  /** In the form that messages of the HTTP API have. */
  get id(): string {
    return tableId(this.name);
  }

  get isWritable(): boolean {
    return this.#clock.now() >= this.createdAt + this.#limits.tableVisibleAfterMs;
  }

  get etag(): string {
    const state = `${this.id} ${this.createdAt} ${this.#version}`;
    return createHash('md5').update(state).digest('base64');
  }

  get resource(): object {
    const { project: projectId, dataset: datasetId, table: tableId } = this.name;
    return {
      kind: 'bigquery#table',
      etag: this.etag,
      id: this.id,
      tableReference: { projectId, datasetId, tableId },
      ...this.#resource,
      schema: { fields: this.#fields },
      type: 'TABLE',
      creationTime: String(Math.floor(this.createdAt)),
      location: 'US',
    };
  }

  get rowCount(): number {
    return this.#rowCount;
  }

  /** Makes the row visible. */
  land(row: LandedRow): void {
    this.#rowCount++;
    if (this.#keepsRows) this.rows.push(row);
    this.onChange();
  }

  /** Changes all rows in one step. */
  replaceRows(rows: readonly LandedRow[]): void {
    this.rows = [...rows];
    this.#rowCount = rows.length;
    this.onChange();
  }

  get isExpired(): boolean {
    const { expirationTime } = this.#resource;
    return expirationTime !== undefined && this.#clock.now() >= Number(expirationTime);
  }

  /** `tables.patch`: what is not in the body stays, `null` removes. */
  patch(body: Json, ifMatch: string | undefined): void {
    if (ifMatch !== undefined && ifMatch !== '*' && ifMatch !== this.etag) {
      throw new ApiError(412, 'conditionNotMet', 'Precondition check failed.');
    }
    const to = body.schema ? parseFields((body.schema as Json).fields) : this.#fields;
    const fields = changeFields({ table: this.id, from: this.#fields, to });
    const resource = merged(this.#resource, definitionOf(body));
    checkPartitioning(this.#resource, resource);
    checkDefinition(resource, fields);
    if (!this.#updates.take()) {
      const message = `Exceeded rate limits: too many table update operations for this table. For more information, see https://cloud.google.com/bigquery/docs/troubleshoot-quotas`;
      throw new ApiError(403, 'rateLimitExceeded', message);
    }
    const until = this.#clock.now() + this.#limits.schemaVisibleAfterMs;
    if (fields !== this.#fields) this.#earlier = { fields: this.writableFields, until };
    this.#resource = resource;
    this.#fields = fields;
    this.#version++;
  }
}

export function tableId({ project, dataset, table }: TableName): string {
  return `${project}:${dataset}.${table}`;
}

/** The parts of a body that a client may set. */
function definitionOf(body: Json): Json {
  const names = ['friendlyName', 'description', 'labels', 'expirationTime', 'timePartitioning'];
  const given = [...names, 'clustering', 'requirePartitionFilter'].filter((name) => name in body);
  return Object.fromEntries(given.map((name) => [name, body[name]]));
}

function merged(from: Json, changes: Json): Json {
  return Object.fromEntries(
    Object.entries({ ...from, ...changes }).filter(([, value]) => value !== null),
  );
}

function checkDefinition(resource: Json, fields: readonly Field[]): void {
  const partitioning = resource.timePartitioning as Partitioning | undefined;
  if (partitioning) checkTimePartitioning(partitioning, fields);
  const clustering = resource.clustering as { readonly fields?: readonly string[] } | undefined;
  if (clustering) checkClustering(clustering.fields ?? [], fields);
}

function checkTimePartitioning({ type, field }: Partitioning, fields: readonly Field[]): void {
  if (!PARTITION_TYPES.includes(String(type)))
    throw invalid(`Invalid time partitioning type: ${type}`);
  if (field === undefined) return;
  const column = fields.find(({ name }) => name === field);
  if (!column) {
    throw invalid(`The field specified for partitioning cannot be found in the schema: ${field}`);
  }
  if (!/^(TIMESTAMP|DATE|DATETIME)$/.test(column.type) || column.mode === 'REPEATED') {
    throw invalid(
      `TIMESTAMP, DATE or DATETIME field expected for time partitioning, but ${field} is ${column.type}`,
    );
  }
}

function checkClustering(names: readonly string[], fields: readonly Field[]): void {
  if (names.length === 0 || names.length > MAX_CLUSTERING) {
    throw invalid(
      `Clustering requires 1 to ${MAX_CLUSTERING} fields, but ${names.length} are given`,
    );
  }
  for (const name of names) {
    const column = fields.find((field) => field.name === name);
    // Fields of records are not found either: clustering takes top-level columns only.
    if (!column) {
      throw invalid(`The field specified for clustering cannot be found in the schema: ${name}`);
    }
    if (!CLUSTERED.test(column.type) || column.mode === 'REPEATED') {
      throw invalid(`Field ${name} of type ${column.type} cannot be used for clustering`);
    }
  }
}

/** Only the expiration of partitions may change. */
function checkPartitioning(from: Json, to: Json): void {
  const keyOf = (resource: Json): string => {
    const { type, field } = (resource.timePartitioning ?? {}) as Partitioning;
    return JSON.stringify([type, field]);
  };
  if (keyOf(from) !== keyOf(to)) {
    throw invalid('Cannot convert non partitioned/clustered table to partitioned/clustered table.');
  }
}

function invalid(message: string): ApiError {
  return new ApiError(400, 'invalid', message);
}
