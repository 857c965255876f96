/** Assembles rows from the parts in which a result arrives. */
import { type Columns, columnName, type RowOf } from '../../column.ts';
import type { ResultPart } from '../calls/client.ts';
import { decodeValue, type WireValue } from '../types.ts';

export class RowAssembler<C extends Columns> {
  readonly #columns: C;
  #decoders: readonly { property: string; kind: C[string]['kind']; index: number }[] = [];
  #width = 0;
  #cells: WireValue[] = [];
  /** The last value of the previous part, if that part ended within it. */
  #cut: WireValue | undefined;

  constructor(columns: C) {
    this.#columns = columns;
  }

  /** Returns the rows that this part completes. */
  add(part: ResultPart): RowOf<C>[] {
    const fields = part.metadata?.rowType?.fields;
    if (fields) this.#setFields(fields.map(({ name }) => name ?? ''));
    const values = [...(part.values ?? [])];
    const [first] = values;
    if (this.#cut && first) values[0] = joinCut(this.#cut, first);
    if (first) this.#cut = part.chunkedValue ? values.pop() : undefined;
    this.#cells.push(...values);
    return this.#takeRows();
  }

  #setFields(names: readonly string[]): void {
    this.#width = names.length;
    this.#decoders = Object.entries(this.#columns).map(([property, { kind }]) => {
      const index = names.indexOf(columnName(property));
      if (index === -1) throw new Error(`the query does not select ${columnName(property)}`);
      return { property, kind, index };
    });
  }

  #takeRows(): RowOf<C>[] {
    const rows: RowOf<C>[] = [];
    let start = 0;
    for (; this.#width > 0 && start + this.#width <= this.#cells.length; start += this.#width) {
      const row: Record<string, unknown> = {};
      for (const { property, kind, index } of this.#decoders) {
        row[property] = decodeValue(kind, this.#cells[start + index]);
      }
      rows.push(row as RowOf<C>);
    }
    this.#cells = this.#cells.slice(start);
    return rows;
  }
}

/** Joins the two halves of a value: texts, and lists with the element in which they were cut. */
function joinCut(before: WireValue, rest: WireValue): WireValue {
  if (before.kind === 'stringValue' && rest.kind === 'stringValue') {
    return { ...before, stringValue: `${before.stringValue ?? ''}${rest.stringValue ?? ''}` };
  }
  if (before.kind !== 'listValue' || rest.kind !== 'listValue') {
    throw new Error('Spanner cut a value that cannot be cut');
  }
  return { ...before, listValue: { values: joinLists(valuesOf(before), valuesOf(rest)) } };
}

function joinLists(before: readonly WireValue[], rest: readonly WireValue[]): WireValue[] {
  const last = before.at(-1);
  const first = rest[0];
  if (!last || !first || last.kind !== 'stringValue' || first.kind !== 'stringValue') {
    return [...before, ...rest];
  }
  return [...before.slice(0, -1), joinCut(last, first), ...rest.slice(1)];
}

function valuesOf(value: WireValue): readonly WireValue[] {
  return value.listValue?.values ?? [];
}
