/** The requests of one caller in one class of methods: those in work, and those that wait for their turn. */
import type { CallerLimits } from './caller-limits.ts';
import { type ByClass, byClass, type MethodClass } from './method-class.ts';

export interface Waiter {
  readonly bytes: number;
  readonly begin: () => void;
}

export class Lane {
  readonly caller: Caller;
  readonly methodClass: MethodClass;
  /** In the order of their arrival. */
  readonly waiting = new Set<Waiter>();
  inWork = 0;
  /** How much it may begin before others have had their turns, in bytes. */
  credit = 0;

  constructor(caller: Caller, methodClass: MethodClass) {
    this.caller = caller;
    this.methodClass = methodClass;
  }

  get first(): Waiter | undefined {
    for (const waiter of this.waiting) return waiter;
    return undefined;
  }

  /** Whether the caller's own limits allow one more request in work. A single request may be of any size. */
  hasRoomFor(bytes: number): boolean {
    const { caller, inWork, methodClass } = this;
    const { concurrency, bytes: maxBytes } = caller.limits;
    if (inWork >= concurrency[methodClass]) return false;
    return caller.bytes === 0 || caller.bytes + bytes <= maxBytes;
  }
}

/** A caller that has requests in work or waiting. */
export class Caller {
  readonly name: string;
  readonly limits: CallerLimits;
  readonly lanes: ByClass<Lane>;
  /** Bytes of its requests in work. */
  bytes = 0;

  constructor(name: string, limits: CallerLimits) {
    this.name = name;
    this.limits = limits;
    this.lanes = byClass((each) => new Lane(this, each));
  }

  get isIdle(): boolean {
    return Object.values(this.lanes).every(
      ({ inWork, waiting }) => inWork === 0 && waiting.size === 0,
    );
  }
}
