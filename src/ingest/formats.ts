/** The formats that are read. A further one needs a line here. */
import { ctrf } from './json/ctrf.ts';
import { goTestJson } from './json/go-test-json.ts';
import { googleTestJson } from './json/googletest-json.ts';
import { jestJson } from './json/jest-json.ts';
import { playwrightJson } from './json/playwright-json.ts';
import { junitXml } from './junit/junit-xml.ts';
import type { ReportFormat } from './report.ts';
import { tap } from './tap/tap.ts';

const FORMATS: readonly ReportFormat[] = [
  junitXml,
  playwrightJson,
  jestJson,
  googleTestJson,
  ctrf,
  goTestJson,
  tap,
];

/** Returns the format of a file that begins with `head`. */
export function formatOf(head: string): ReportFormat | undefined {
  return FORMATS.find(({ detect }) => detect(head));
}

/** What users take for reports. Other files are not quoted: a link may lead to any file of the machine. */
const KNOWN_ROOTS: readonly string[] = [
  ...['assemblies', 'checkstyle', 'coverage', 'html', 'mutations', 'report', 'test-run'],
  ...['testng-results', 'testrun'],
];

/** Says why a file that begins with `head` is of no known format. */
export function whyUnknown(head: string): string {
  const start = head.trimStart();
  if (start === '') return 'the file is empty';
  if (/^version [^\n]*\n\s*oid sha256:/.test(start)) {
    return 'a Git LFS pointer, and not the report itself: fetch the file first';
  }
  const root = /<([a-z_][\w.:-]*)/i.exec(start)?.[1]?.toLowerCase() ?? '';
  if (KNOWN_ROOTS.includes(root)) return `XML, but not a test report: it begins with <${root}>`;
  if (start.startsWith('<')) return 'XML, but not a test report';
  return 'not a test report in any known format';
}
