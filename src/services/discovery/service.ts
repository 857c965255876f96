/**
 * discovery.Discovery: which services the server has, with all that a client needs to call them. What it says is
 * part of this project's source, so any caller who is let in may ask.
 */
import { create, type DescFile, type DescService } from '@bufbuild/protobuf';
import { FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { DescribeResponseSchema, type Discovery } from '../../gen/discovery/service_pb.js';
import type { ServiceMethods } from '../shared/service-methods.ts';

export function createDiscovery(
  services: readonly DescService[],
): ServiceMethods<typeof Discovery> {
  const files = new Set<DescFile>();
  for (const { file } of services) addFile(file, files);
  const response = create(DescribeResponseSchema, {
    description: create(FileDescriptorSetSchema, { file: [...files].map(({ proto }) => proto) }),
    services: services.map(({ typeName }) => typeName).sort(),
  });
  return { describe: async () => response };
}

/** Adds the files that a file imports before the file itself. */
function addFile(file: DescFile, files: Set<DescFile>): void {
  if (files.has(file)) return;
  for (const imported of file.dependencies) addFile(imported, files);
  files.add(file);
}
