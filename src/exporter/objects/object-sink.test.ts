import { afterAll, beforeAll, describe, inject } from 'vitest';
import {
  type ObjectServer,
  startGcsServer,
  startS3Server,
} from '../../../test/support/objects/object-servers.ts';
import { openObjectWorld } from '../../../test/support/objects/object-world.ts';
import { testSink } from '../../../test/support/suites/sink-suite.ts';

const SERVERS = [
  { name: 'S3', isThere: inject('hasS3Server'), start: startS3Server, scheme: /^s3:/ },
  { name: 'GCS', isThere: inject('hasGcsEmulator'), start: startGcsServer, scheme: /^gs:/ },
];

describe.each(SERVERS.filter(({ isThere }) => isThere))('$name', ({ start, scheme }) => {
  let server: ObjectServer;
  beforeAll(async () => {
    server = await start();
  });
  afterAll(() => server.stop());

  testSink(
    () => openObjectWorld(server),
    () => scheme,
  );
});
