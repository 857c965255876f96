/**
 * Runs the program that re2js has compiled, as an automaton whose states are sets of instructions.
 * States are built when a text first leads to them, and are kept within a bound, so that most runes
 * of most texts cost one look-up. Whatever the pattern and the texts, a rune never costs more than a
 * visit to each instruction.
 *
 * re2js's own matcher has the same complexity, but no measure of its work, and some hundreds of
 * milliseconds for a single text if a pattern has thousands of instructions: its states are kept by
 * bytes, and each of them is sorted and compared.
 */

/** An instruction as re2js compiles it; `op` says how to read the rest. */
interface Instruction {
  readonly op: number;
  readonly out: number;
  /** The other branch, or the conditions on the place in the text. */
  readonly arg: number;
  matchRune(rune: number): boolean;
}

/** The instruction 0 always fails. */
export interface Program {
  readonly inst: readonly Instruction[];
  readonly start: number;
}

const OP = { alt: 1, altMatch: 2, capture: 3, emptyWidth: 4, match: 6, nop: 7 };
const FIRST_RUNE_OP = 8;
const LAST_RUNE_OP = 11;

const BEGIN_LINE = 1;
const END_LINE = 2;
const BEGIN_TEXT = 4;
const END_TEXT = 8;
const WORD_BOUNDARY = 16;
const NO_WORD_BOUNDARY = 32;

/** Stands for the place before the first rune, and the one after the last. */
const NO_RUNE = -1;
const NEWLINE = 10;
const UNDERSCORE = 95;

interface State {
  /** Where the program goes on, in ascending order. */
  readonly entries: Int32Array;
  /** A rune of the same kind as the one before: conditions look at it. */
  readonly before: number;
  readonly next: Map<number, State>;
  isAccepted: boolean | undefined;
}

/** Wider states are not kept: looking for one costs as much as building it. */
const MAX_KEPT_ENTRIES = 256;
/** Counts entries and transitions; about 20 bytes each. */
const MAX_KEPT = 200_000;
const STATE_OVERHEAD = 20;
const TRANSITION_OVERHEAD = 4;

export class Automaton {
  readonly #program: Program;
  /** `#seen[pc] === #round` means that the instruction was met in this round. */
  readonly #seen: Uint32Array;
  readonly #stack: Int32Array;
  readonly #reached: Int32Array;
  #round = 0;
  #work = 0;
  #states = new Map<string, State>();
  #kept = 0;

  constructor(program: Program) {
    const size = program.inst.length;
    this.#program = program;
    this.#seen = new Uint32Array(size);
    this.#stack = new Int32Array(2 * size + 2);
    this.#reached = new Int32Array(size);
  }

  /** How many instructions were visited, and transitions made, so far. */
  get work(): number {
    return this.#work;
  }

  /** True if the program matches the whole text. */
  accepts(text: string): boolean {
    let state = this.#state(Int32Array.of(this.#program.start), NO_RUNE);
    for (let index = 0; index < text.length; index += 1) {
      const rune = text.codePointAt(index) ?? 0;
      if (rune > 0xffff) index += 1;
      state = this.#step(state, rune);
      if (state.entries.length === 0) return false;
    }
    state.isAccepted ??= this.#close(state, NO_RUNE).isMatched;
    return state.isAccepted;
  }

  #step(state: State, rune: number): State {
    this.#work += 1;
    const known = state.next.get(rune);
    if (known !== undefined) return known;
    const { count } = this.#close(state, rune);
    const next = this.#state(this.#follow(count, rune), kindOf(rune));
    if (isNarrow(state)) {
      state.next.set(rune, next);
      this.#kept += TRANSITION_OVERHEAD;
    }
    return next;
  }

  /** Leaves the instructions that take a rune in `#reached`, and returns how many there are. */
  #close({ entries, before }: State, rune: number): { count: number; isMatched: boolean } {
    const { inst } = this.#program;
    const round = this.#nextRound();
    const holds = conditionsBetween(before, rune);
    let [top, count, isMatched] = [0, 0, false];
    for (const entry of entries) {
      this.#stack[top++] = entry;
      while (top > 0) {
        const pc = this.#stack[--top] ?? 0;
        if (this.#seen[pc] === round) continue;
        this.#seen[pc] = round;
        this.#work += 1;
        const instruction = inst[pc];
        if (instruction === undefined) continue;
        const { op, out, arg } = instruction;
        if (op >= FIRST_RUNE_OP && op <= LAST_RUNE_OP) this.#reached[count++] = pc;
        else if (op === OP.alt || op === OP.altMatch) {
          this.#stack[top++] = out;
          this.#stack[top++] = arg;
        } else if (op === OP.capture || op === OP.nop) this.#stack[top++] = out;
        else if (op === OP.emptyWidth && (arg & ~holds) === 0) this.#stack[top++] = out;
        else if (op === OP.match) isMatched = true;
      }
    }
    return { count, isMatched };
  }

  /** Returns what comes after those of the `count` reached instructions that take the rune. */
  #follow(count: number, rune: number): Int32Array {
    const round = this.#nextRound();
    let found = 0;
    this.#work += count;
    for (let index = 0; index < count; index += 1) {
      const instruction = this.#program.inst[this.#reached[index] ?? 0];
      if (instruction === undefined || !instruction.matchRune(rune)) continue;
      if (this.#seen[instruction.out] === round) continue;
      this.#seen[instruction.out] = round;
      // It overwrites what has been read: at most one is found for each that is read.
      this.#reached[found++] = instruction.out;
    }
    return this.#reached.slice(0, found);
  }

  #state(entries: Int32Array, before: number): State {
    if (entries.length > MAX_KEPT_ENTRIES) return newState(entries, before);
    this.#work += entries.length;
    const key = `${before} ${entries.sort().join(' ')}`;
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    if (this.#kept > MAX_KEPT) this.#forget();
    const state = newState(entries, before);
    this.#states.set(key, state);
    this.#kept += entries.length + STATE_OVERHEAD;
    return state;
  }

  #forget(): void {
    this.#states = new Map();
    this.#kept = 0;
  }

  #nextRound(): number {
    if (this.#round === 0xffffffff) {
      this.#seen.fill(0);
      this.#round = 0;
    }
    this.#round += 1;
    return this.#round;
  }
}

function newState(entries: Int32Array, before: number): State {
  return { entries, before, next: new Map(), isAccepted: undefined };
}

function isNarrow({ entries }: State): boolean {
  return entries.length <= MAX_KEPT_ENTRIES;
}

/** Returns a rune that stands for all that conditions cannot tell from this one. */
function kindOf(rune: number): number {
  if (rune === NEWLINE) return NEWLINE;
  return isWordRune(rune) ? UNDERSCORE : 0;
}

/** RE2's words are those of ASCII. */
function isWordRune(rune: number): boolean {
  return (
    (rune >= 48 && rune <= 57) ||
    (rune >= 65 && rune <= 90) ||
    (rune >= 97 && rune <= 122) ||
    rune === UNDERSCORE
  );
}

function conditionsBetween(before: number, rune: number): number {
  let holds = isWordRune(before) === isWordRune(rune) ? NO_WORD_BOUNDARY : WORD_BOUNDARY;
  if (before === NO_RUNE) holds |= BEGIN_TEXT | BEGIN_LINE;
  if (before === NEWLINE) holds |= BEGIN_LINE;
  if (rune === NO_RUNE) holds |= END_TEXT | END_LINE;
  if (rune === NEWLINE) holds |= END_LINE;
  return holds;
}
