import { expect, onTestFinished, test } from 'vitest';
import { openCli } from '../../../test/support/cli/cli-world.ts';
import { GoogleServices } from '../../../test/support/network/google-services.ts';
import { startCloudTasksEmulator } from '../../../test/support/tq/cloud-tasks-emulator.ts';
import { withCloudTasks } from '../../../test/support/tq/cloud-tasks-world.ts';

const QUEUE = 'projects/p/locations/l/queues/finalizer';

async function doctorAt(host: string) {
  const { run } = await openCli();
  return await run(
    ...['doctor', '--no-server-check', '--tq-queue', 'cloud-tasks', '--cloud-tasks-emulator', host],
    ...['--tq-project', 'p', '--tq-region', 'l', '--tq-target-host', 'http://127.0.0.1:8010'],
  );
}

withCloudTasks(() => {
  test.each([
    [[], 1, 'gcloud tasks queues create finalizer --project=p --location=l'],
    [[QUEUE], 0, 'all queues exist in Cloud Tasks'],
  ])('with the queues %j doctor ends with %i', async (queues, code, message) => {
    const emulator = await startCloudTasksEmulator(queues);
    onTestFinished(() => emulator.stop());
    const ran = await doctorAt(emulator.host);
    expect(ran).toMatchObject({ code, out: expect.stringContaining(message) });
  });
});

test('missing permission to look at queues is reported, but is not a problem', async () => {
  const services = await GoogleServices.start();
  services.answer = 'PERMISSION_DENIED';
  const { code, out } = await doctorAt(services.host);
  expect(code).toBe(0);
  expect(out).toMatch(
    /^warning +queues +not checked: projects\/p\/locations\/l\/queues\/finalizer: /m,
  );
});

test('queues are not checked if they are in the database', async () => {
  const { run } = await openCli();
  expect((await run('doctor', '--no-server-check')).out).not.toContain('queues');
});
