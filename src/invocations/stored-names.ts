import { CodedError } from '@postlude/queue/foundations';

/** Returns a function that converts a number from the database to its name; `what` is for its error. */
export function nameByNumber<Name extends string>(
  numbers: Readonly<Record<Name, number>>,
  what: string,
): (number: number) => Name {
  const names = new Map(
    Object.entries<number>(numbers).map(([name, number]) => [number, name as Name]),
  );
  return (number) => {
    const name = names.get(number);
    if (name === undefined) throw new CodedError('data-loss', `unknown ${what} ${number}`);
    return name;
  };
}
