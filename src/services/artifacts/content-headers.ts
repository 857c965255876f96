/**
 * The headers of the content of an artifact. Anybody who may record artifacts chooses the content and its
 * media type, and a browser shows it under the origin of the server. So nothing is sent with a type that
 * browsers execute, whatever its sender says: markup is shown as plain text, types that are not known to be
 * inert are saved, and the policy forbids scripts, forms and further requests in any case.
 */
import type { Artifact } from '../../artifacts/artifact.ts';

type Described = Pick<Artifact, 'artifactId' | 'contentType' | 'sha256' | 'sizeBytes'>;

/** Neither SVG nor XML, which can hold scripts, nor PDF, whose viewers run some. */
const INERT =
  /^(?:image\/(?:avif|bmp|gif|jpeg|png|webp)|audio\/(?:mpeg|mp4|ogg|wav|webm)|video\/(?:mp4|ogg|webm)|application\/json)$/;

export function contentHeaders(artifact: Described): Readonly<Record<string, string>> {
  const { type, isShown } = servedType(artifact.contentType);
  return {
    'content-type': type,
    'content-length': String(artifact.sizeBytes),
    'content-disposition': `${isShown ? 'inline' : 'attachment'}; ${fileName(artifact.artifactId)}`,
    'content-security-policy':
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox",
    'x-content-type-options': 'nosniff',
    'cross-origin-resource-policy': 'same-site',
    'referrer-policy': 'no-referrer',
    // The URL names the content, which never changes.
    'cache-control': 'private, max-age=3600, immutable',
    etag: `"${artifact.sha256}"`,
  };
}

function servedType(contentType: string): { readonly type: string; readonly isShown: boolean } {
  const [media = ''] = contentType.toLowerCase().split(';', 1);
  const plain = media.trim();
  if (plain.startsWith('text/')) return { type: 'text/plain; charset=utf-8', isShown: true };
  if (INERT.test(plain)) return { type: plain, isShown: true };
  return { type: 'application/octet-stream', isShown: false };
}

/** RFC 6266. The name is the last part of the id: browsers make one name of the parts of a path. */
function fileName(artifactId: string): string {
  const name = artifactId.slice(artifactId.lastIndexOf('/') + 1);
  const ascii = name.replaceAll(/[^\w.-]/g, '_');
  const escaped = encodeURIComponent(name).replaceAll(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `filename="${ascii}"; filename*=UTF-8''${escaped}`;
}
