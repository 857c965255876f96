/**
 * The classes of tasks that a program knows. The registry is passed in where it is needed: nothing is
 * global. It finds every mistake when the program starts, and lists all of them.
 */
import { CodedError } from '../../foundations/errors.ts';
import { isQueueName, isTopicName } from './destination.ts';
import type { AnyTaskClass, PushTaskHandler, TaskClass } from './task-class.ts';

const ID_PATTERN = /^[A-Za-z0-9_\-.]{1,100}$/;
const KINDS = ['transactional', 'non-transactional', 'follows-context'];
const HOST_PATTERN = /^(https?:\/\/)?([\w.-]+|\[[\da-fA-F:]+\])(:\d{1,5})?$/;

export class TaskClasses {
  readonly #byId = new Map<string, AnyTaskClass>();
  readonly #byType = new Map<string, AnyTaskClass>();
  readonly #handlers = new Map<string, PushTaskHandler>();

  /** Throws `invalid-argument`, with a list of all mistakes. */
  constructor(classes: readonly AnyTaskClass[]) {
    const problems: string[] = [];
    for (const added of classes) {
      problems.push(...problemsOf(added).map((problem) => `${nameOf(added)}: ${problem}`));
      problems.push(...this.#take(added));
    }
    if (problems.length > 0) {
      throw new CodedError('invalid-argument', `task classes:\n  ${problems.join('\n  ')}`);
    }
  }

  /** Gives a class its handler, once. Throws `invalid-argument` for a second one. */
  attach<P>(taskClass: TaskClass<P>, handler: PushTaskHandler<P>): void {
    this.check(taskClass);
    if (this.#handlers.has(taskClass.id)) {
      throw new CodedError('invalid-argument', `${nameOf(taskClass)} has a handler already`);
    }
    this.#handlers.set(taskClass.id, handler as PushTaskHandler);
  }

  /** Throws `invalid-argument` for a class that is not registered here. */
  check(taskClass: AnyTaskClass): void {
    if (this.#byId.get(taskClass.id) === taskClass) return;
    throw new CodedError('invalid-argument', `${nameOf(taskClass)} is not registered`);
  }

  /** Finds a class by its id or, if the envelope has none, by its payload's type. */
  find(id: string | undefined, typeName: string | undefined): AnyTaskClass | undefined {
    if (id) return this.#byId.get(id);
    return typeName ? this.#byType.get(typeName) : undefined;
  }

  all(): AnyTaskClass[] {
    return [...this.#byId.values()];
  }

  handlerOf(taskClass: AnyTaskClass): PushTaskHandler | undefined {
    return this.#handlers.get(taskClass.id);
  }

  #take(added: AnyTaskClass): string[] {
    const { typeName } = added.payload ?? {};
    const problems: string[] = [];
    if (this.#byId.has(added.id)) problems.push(`${nameOf(added)}: the id is taken`);
    if (typeName !== undefined && this.#byType.has(typeName)) {
      problems.push(`${nameOf(added)}: ${typeName} is the payload of another class`);
    }
    this.#byId.set(added.id, added);
    if (typeName !== undefined) this.#byType.set(typeName, added);
    if (added.handle) this.#handlers.set(added.id, added.handle);
    return problems;
  }
}

function problemsOf(added: AnyTaskClass): string[] {
  const { id, payload, kind, queue, topic, routingPrefix, targetHost } = added;
  const checks: readonly (readonly [boolean, string])[] = [
    [ID_PATTERN.test(id ?? ''), 'the id must be 1 to 100 of A-Z a-z 0-9 _ . -'],
    [
      payload !== undefined,
      'payload is missing: standardPayload(…), protobufPayload(…) or the like',
    ],
    [KINDS.includes(kind), `kind must be one of ${KINDS.join(', ')}`],
    [(queue === undefined) !== (topic === undefined), 'must have a queue or a topic, and not both'],
    [typeof queue !== 'string' || isQueueName(queue), `${queue} is not the name of a queue`],
    [typeof topic !== 'string' || isTopicName(topic), `${topic} is not the name of a topic`],
    [routingPrefix?.startsWith('/') ?? true, 'routingPrefix must begin with a slash'],
    [topic === undefined || routingPrefix === undefined, 'a topic has no routingPrefix'],
    [topic === undefined || targetHost === undefined, 'a topic has no targetHost'],
    [HOST_PATTERN.test(targetHost ?? 'h'), 'targetHost must be host[:port], or an origin'],
  ];
  return checks.filter(([isRight]) => !isRight).map(([, problem]) => problem);
}

function nameOf(taskClass: AnyTaskClass): string {
  return `task class ${JSON.stringify(taskClass.id)}`;
}
