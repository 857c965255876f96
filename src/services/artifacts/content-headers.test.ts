import { expect, test } from 'vitest';
import { contentHeaders } from './content-headers.ts';

const artifact = { artifactId: 'a', contentType: '', sha256: 'ab', sizeBytes: 5 };

test.each([
  ['text/html', 'text/plain; charset=utf-8', 'inline'],
  ['text/html; charset=utf-16', 'text/plain; charset=utf-8', 'inline'],
  ['TEXT/HTML', 'text/plain; charset=utf-8', 'inline'],
  ['text/javascript', 'text/plain; charset=utf-8', 'inline'],
  ['image/png', 'image/png', 'inline'],
  ['IMAGE/PNG; x=y', 'image/png', 'inline'],
  ['application/json', 'application/json', 'inline'],
  ['image/svg+xml', 'application/octet-stream', 'attachment'],
  ['application/xhtml+xml', 'application/octet-stream', 'attachment'],
  ['application/javascript', 'application/octet-stream', 'attachment'],
  ['application/pdf', 'application/octet-stream', 'attachment'],
  ['multipart/x-mixed-replace; boundary=x', 'application/octet-stream', 'attachment'],
  ['', 'application/octet-stream', 'attachment'],
])('a content of the type %j is served as %s', (contentType, served, disposition) => {
  expect(contentHeaders({ ...artifact, contentType })).toMatchObject({
    'content-type': served,
    'content-disposition': `${disposition}; filename="a"; filename*=UTF-8''a`,
    'content-security-policy':
      "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox",
    'x-content-type-options': 'nosniff',
    'content-length': '5',
  });
});

test('the name of the file is the end of the id, in a form that ends no header', () => {
  const headers = contentHeaders({ ...artifact, artifactId: `a/x"y;ü'.html` });
  expect(headers['content-disposition']).toBe(
    `attachment; filename="x_y___.html"; filename*=UTF-8''x%22y%3B%C3%BC%27.html`,
  );
});
