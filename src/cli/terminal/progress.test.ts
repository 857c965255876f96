import { FakeClock } from '@postlude/queue/testing';
import { describe, expect, test } from 'vitest';
import { MemoryStream } from '../../../test/support/cli/memory-stream.ts';
import { Progress } from './progress.ts';

describe('Progress', () => {
  test('prints nothing if the stream is not a terminal', () => {
    const stream = new MemoryStream();
    new Progress(stream, new FakeClock(), true).update('10 of 20');
    expect(stream.text()).toBe('');
  });

  test('rewrites its line at most ten times a second', async () => {
    const stream = new MemoryStream({ isTTY: true });
    const clock = new FakeClock();
    const progress = new Progress(stream, clock, true);
    progress.update('1 of 3');
    progress.update('2 of 3');
    await clock.advance(100);
    progress.update('3 of 3');
    progress.clear();
    expect(stream.text()).toBe('\r\u001b[2K1 of 3\r\u001b[2K3 of 3\r\u001b[2K');
  });
});
