/** Reaches into the clients of Google's services for the gRPC that they bring along. */
import { createRequire } from 'node:module';

export interface Grpc {
  readonly credentials: { createInsecure(): object };
  readonly Metadata: new () => { set(name: string, value: string): void };
}

/** The copy of gRPC that the client in `packageName` uses. The client rejects objects of any other copy. */
export function grpcOf(packageName: string): Grpc {
  const fromHere = createRequire(import.meta.url);
  const fromClient = createRequire(fromHere.resolve(packageName));
  return (fromClient('google-gax') as { readonly grpc: Grpc }).grpc;
}

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Options for a client's constructor that reach an emulator in plain text and without credentials. */
export function emulatorOptions(
  packageName: string,
  { hostname, port }: Address,
): Record<string, string | number | object> {
  return {
    servicePath: hostname,
    port,
    sslCreds: grpcOf(packageName).credentials.createInsecure(),
    // Without this, the client looks for the metadata server of Google Cloud, which takes seconds elsewhere.
    auth: { getUniverseDomain: async () => 'googleapis.com' },
  };
}
