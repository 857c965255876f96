import { expect, test } from 'vitest';
import { z } from 'zod';
import { standardPayload } from '../../tasks/payload.ts';
import { type AnyTaskClass, taskClass } from './task-class.ts';
import { TaskClasses } from './task-classes.ts';

const payload = standardPayload(z.object({ to: z.string() }));
const mail = taskClass({ id: 'mail', payload, kind: 'transactional', queue: 'mail' });

test('finds a class by its id or, if there is none, by the type of its payload', () => {
  const typed = taskClass({ ...mail, payload: { ...payload, typeName: 'a.Mail' } });
  const classes = new TaskClasses([typed]);
  expect(classes.find('mail', undefined)).toBe(typed);
  expect(classes.find(undefined, 'a.Mail')).toBe(typed);
  expect(classes.find('other', 'a.Mail')).toBeUndefined();
  expect(classes.find(undefined, undefined)).toBeUndefined();
});

test('lists every mistake of every class at once', () => {
  const broken = [
    { ...mail, id: 'no blanks' },
    { ...mail, id: 'both', topic: 'topic' },
    { id: 'neither', payload, kind: 'transactional' },
    {
      id: 'topic',
      payload,
      kind: 'follows-context',
      topic: 't',
      routingPrefix: '/x',
      targetHost: 'h',
    },
    { ...mail, id: 'prefix', routingPrefix: 'x' },
    { ...mail, id: 'host', targetHost: 'a b' },
    { ...mail, id: 'queue', queue: 'projects/p/queues/q' },
    { id: 'nothing' },
    { ...mail, id: 'twice' },
    { ...mail, id: 'twice' },
  ] as AnyTaskClass[];
  expect(() => new TaskClasses(broken)).toThrowErrorMatchingInlineSnapshot(`
    [CodedError: task classes:
      task class "no blanks": the id must be 1 to 100 of A-Z a-z 0-9 _ . -
      task class "both": must have a queue or a topic, and not both
      task class "neither": must have a queue or a topic, and not both
      task class "topic": t is not the name of a topic
      task class "topic": a topic has no routingPrefix
      task class "topic": a topic has no targetHost
      task class "prefix": routingPrefix must begin with a slash
      task class "host": targetHost must be host[:port], or an origin
      task class "queue": projects/p/queues/q is not the name of a queue
      task class "nothing": payload is missing: standardPayload(…), protobufPayload(…) or the like
      task class "nothing": kind must be one of transactional, non-transactional, follows-context
      task class "nothing": must have a queue or a topic, and not both
      task class "twice": the id is taken]
  `);
});

test('refuses two classes of one protobuf message', () => {
  const typed = { ...payload, typeName: 'a.Mail' };
  expect(
    () =>
      new TaskClasses([
        { ...mail, payload: typed },
        { ...mail, id: 'b', payload: typed },
      ]),
  ).toThrow('a.Mail is the payload of another class');
});

test('attaches a handler once', () => {
  const classes = new TaskClasses([mail]);
  expect(classes.handlerOf(mail)).toBeUndefined();
  const handler = async (): Promise<void> => undefined;
  classes.attach(mail, handler);
  expect(classes.handlerOf(mail)).toBe(handler);
  expect(() => classes.attach(mail, handler)).toThrow('has a handler already');
  expect(() => classes.attach({ ...mail }, handler)).toThrow('is not registered');
});
