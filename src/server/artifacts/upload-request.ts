/**
 * Requests that record one artifact: `PUT` at its name, or `POST` at the collection of an invocation, whose
 * headers then name the artifact, and the result that it belongs to. The headers are those of LUCI ResultDB.
 */
import { create } from '@bufbuild/protobuf';
import type { NodeServerRequest } from '@postlude/queue/foundations';
import { ArtifactSchema } from '../../gen/luci/resultdb/v1/artifact_pb.js';
import {
  type ArtifactParent,
  parseArtifactName,
  parseParentName,
} from '../../services/artifacts/artifact-name.ts';
import { checkDescription } from '../../services/artifacts/check-artifact.ts';
import type { ArtifactUpload } from '../../services/artifacts/upload-artifact.ts';
import { inField, invalid } from '../../services/shared/field.ts';
import { unescapePathSegment } from '../../services/shared/path-segment.ts';

interface Posted {
  readonly request: NodeServerRequest;
  readonly headers: Headers;
  /** The name in the path of the request. */
  readonly name: string;
}

const HASH_PATTERN = /^sha256:([0-9a-f]{64})$/;
/** Beyond this, a number may not be exact. */
const LENGTH_PATTERN = /^\d{1,15}$/;

/** Reads everything but the body. Throws `invalid-argument`. */
export function readUpload({ headers, name, request }: Posted, maxBytes: number): ArtifactUpload {
  const isPut = request.method === 'PUT';
  const target = isPut ? putTarget(name) : postTarget(name, headers);
  const message = create(ArtifactSchema, {
    ...target.artifact,
    contentType: headers.get('content-type') ?? '',
    artifactType: headers.get('artifact-type') ?? '',
  });
  if ((headers.get('content-encoding') ?? 'identity') !== 'identity') {
    throw invalid('Content-Encoding: must not be set: the content is stored as it is');
  }
  return {
    invocationId: target.parent.invocationId,
    arriving: [
      {
        announced: {
          ...checkDescription(message, target.parent),
          sizeBytes: sizeOf(headers, maxBytes),
          sha256: digestOf(headers),
        },
        // Leaving the loop early must not cut the connection, since there is still something to say.
        body: request.iterator({ destroyOnReturn: false }),
      },
    ],
  };
}

interface Target {
  readonly parent: ArtifactParent;
  readonly artifact: {
    readonly artifactId: string;
    readonly resultId?: string;
    readonly testIdStructured?: Readonly<
      Record<'moduleName' | 'moduleScheme' | 'coarseName' | 'fineName' | 'caseName', string>
    >;
  };
}

function putTarget(name: string): Target {
  const { artifactId, ...parent } = parseArtifactName(name);
  return { parent, artifact: { artifactId } };
}

function postTarget(collection: string, headers: Headers): Target {
  const parent = parseParentName(collection.slice(0, -'/artifacts'.length));
  if (parent.result !== undefined) throw invalid('the path must name an invocation');
  const text = (header: string): string => unescapedHeader(headers, header);
  const test = {
    moduleName: text('Test-Module-Name'),
    moduleScheme: text('Test-Module-Scheme'),
    coarseName: text('Test-Coarse-Name'),
    fineName: text('Test-Fine-Name'),
    caseName: text('Test-Case-Name'),
  };
  const hasTest = Object.values(test).some((part) => part !== '');
  return {
    parent,
    artifact: {
      artifactId: text('Artifact-ID'),
      resultId: text('Result-ID'),
      ...(hasTest && { testIdStructured: test }),
    },
  };
}

/** Values are escaped, as headers hold no other than ASCII. */
function unescapedHeader(headers: Headers, header: string): string {
  const text = unescapePathSegment(headers.get(header) ?? '');
  if (text === undefined) throw invalid(`${header}: is not escaped as a part of a URL is`);
  return text;
}

function sizeOf(headers: Headers, maxBytes: number): number {
  return inField('Content-Length', () => {
    const length = headers.get('content-length') ?? '';
    if (!LENGTH_PATTERN.test(length)) throw invalid('must be set');
    if (Number(length) <= maxBytes) return Number(length);
    throw invalid(`${length} bytes; at most ${maxBytes} are allowed (maxArtifactBytes)`);
  });
}

function digestOf(headers: Headers): string {
  return inField('Content-Hash', () => {
    const [, digest] = HASH_PATTERN.exec(headers.get('content-hash') ?? '') ?? [];
    if (digest === undefined) throw invalid('must be sha256: and the digest in lower-case hex');
    return digest;
  });
}
