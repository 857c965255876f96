/** Graphs to finalize, given as pairs of numbers and the order in which owners finalize. */
import { type Random, randomInt } from '@postlude/queue/foundations';

export interface Shape {
  readonly nodes: number;
  /** Pairs of the including and the included invocation. */
  readonly inclusions: readonly (readonly [number, number])[];
  readonly order: readonly number[];
}

export const SHAPES = ['star', 'tree', 'dag', 'chain', 'ring'] as const;
export type ShapeName = (typeof SHAPES)[number];

/** Makes a graph of `size` inclusions. */
export function shapeOf(name: ShapeName, size: number, random: Random): Shape {
  switch (name) {
    case 'star': {
      // The parent waits while its children finish, as a run does for its shards.
      const children = range(1, size + 1);
      const inclusions = children.map((child) => [0, child] as const);
      return { nodes: size + 1, inclusions, order: [0, ...shuffled(children, random)] };
    }
    case 'tree':
      return inRandomOrder(
        range(1, size + 1).map((child) => [(child - 1) >> 1, child]),
        size + 1,
        random,
      );
    case 'dag': {
      const quarter = Math.max(1, size >> 2);
      const inclusions = range(0, size).map(() => {
        const from = randomInt(random, quarter);
        return [from, from + 1 + randomInt(random, quarter)] as const;
      });
      return inRandomOrder(inclusions, 2 * quarter + 1, random);
    }
    case 'chain':
      return inRandomOrder(
        range(0, size).map((from) => [from, from + 1]),
        size + 1,
        random,
      );
    case 'ring':
      return inRandomOrder(
        range(0, size).map((from) => [from, (from + 1) % size]),
        size,
        random,
      );
  }
}

function inRandomOrder(inclusions: Shape['inclusions'], nodes: number, random: Random): Shape {
  return { nodes, inclusions, order: shuffled(range(0, nodes), random) };
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, index) => start + index);
}

function shuffled(numbers: readonly number[], random: Random): number[] {
  const result = [...numbers];
  for (let index = result.length - 1; index > 0; index--) {
    const other = randomInt(random, index + 1);
    [result[index], result[other]] = [result[other] ?? 0, result[index] ?? 0];
  }
  return result;
}
