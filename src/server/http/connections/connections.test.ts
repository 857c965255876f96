import { EventEmitter } from 'node:events';
import type { Socket } from 'node:net';
import type { NodeServerResponse } from '@postlude/queue/foundations';
import { FakeClock } from '@postlude/queue/testing';
import { expect, test } from 'vitest';
import { Connections } from './connections.ts';

/** A socket from that address, which notes whether it was closed. */
function socketFrom(remoteAddress: string) {
  const socket = Object.assign(new EventEmitter(), {
    remoteAddress,
    destroyed: false,
    setKeepAlive: () => socket,
    destroy: () => {
      if (socket.destroyed) return;
      socket.destroyed = true;
      socket.emit('close');
    },
  });
  return socket as unknown as Socket;
}

function connect(connections: Connections, address: string, isBusy: boolean): Socket {
  const socket = socketFrom(address);
  const connection = connections.accept(socket);
  if (isBusy) connection?.begin(new EventEmitter() as NodeServerResponse, 0);
  return socket;
}

const open = () =>
  new Connections({ maxConnections: 4, maxConnectionsPerAddress: 2 }, new FakeClock());

test('one address cannot take the places of others', () => {
  const connections = open();
  const [a, b] = [connect(connections, '10.0.0.1', true), connect(connections, '10.0.0.1', true)];
  expect(connect(connections, '10.0.0.1', true).destroyed).toBe(true);
  const other = socketFrom('10.0.0.2');
  expect(connections.accept(other)).toMatchObject({ isProbe: false });
  expect([a.destroyed, b.destroyed]).toEqual([false, false]);
  a.destroy();
  expect(connect(connections, '10.0.0.1', false).destroyed).toBe(false);
});

test('one network of IPv6 cannot either, whichever of its addresses it uses', () => {
  const connections = open();
  connect(connections, '2001:db8::1', true);
  connect(connections, '2001:db8::ffff:1', true);
  expect(connect(connections, '2001:db8::a:b:c:d', true).destroyed).toBe(true);
  expect(connect(connections, '2001:db8:0:1::1', true).destroyed).toBe(false);
});

test('an idle connection of an address gives up its place to a new one of it', () => {
  const connections = open();
  const other = connect(connections, '10.0.0.2', false);
  const idle = connect(connections, '10.0.0.1', false);
  const busy = connect(connections, '10.0.0.1', true);
  expect(connect(connections, '10.0.0.1', true).destroyed).toBe(false);
  expect([other.destroyed, idle.destroyed, busy.destroyed]).toEqual([false, true, false]);
});

test('the limit of an address does not hold for this machine', () => {
  const connections = open();
  const sockets = Array.from({ length: 4 }, () => connect(connections, '127.0.0.1', true));
  expect(sockets.some(({ destroyed }) => destroyed)).toBe(false);
});

test('the limit of an address does not hold for a trusted proxy', () => {
  const limits = { maxConnections: 4, maxConnectionsPerAddress: 2 };
  const isProxy = (address: string) => address === '10.0.0.1';
  const connections = new Connections({ ...limits, isProxy }, new FakeClock());
  const sockets = Array.from({ length: 4 }, () => connect(connections, '10.0.0.1', true));
  expect(sockets.some(({ destroyed }) => destroyed)).toBe(false);
});

test('an address that cancels without end loses its connections, until that is paid off', () => {
  const clock = new FakeClock();
  const isProxy = (address: string) => address === '10.0.0.9';
  const connections = new Connections({ maxConnections: 10, isProxy }, clock);
  const cancel = (address: string, times: number) => {
    const socket = socketFrom(address);
    const connection = connections.accept(socket);
    for (let each = 0; connection && each < times; each++) connections.noteCancelled(connection);
    return socket;
  };
  expect(cancel('10.0.0.1', 1_000).destroyed).toBe(false);
  expect(cancel('10.0.0.1', 1).destroyed).toBe(true);
  expect(cancel('10.0.0.1', 0).destroyed).toBe(true);
  expect(cancel('10.0.0.2', 0).destroyed).toBe(false);
  expect(cancel('10.0.0.9', 5_000).destroyed).toBe(false);
  clock.advance(10);
  expect(cancel('10.0.0.1', 0).destroyed).toBe(false);
});

test('beyond the limit there are eight probes, of which the oldest gives up its place', () => {
  const connections = open();
  for (let each = 0; each < 4; each++) connect(connections, '127.0.0.1', true);
  const probes = Array.from({ length: 9 }, () => connect(connections, '127.0.0.1', true));
  expect(probes.map(({ destroyed }) => destroyed)).toEqual([true, ...Array(8).fill(false)]);
});
