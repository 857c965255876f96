/** Writes JUnit reports as a runner does, so that a scenario knows the right totals. */
export interface Cases {
  readonly passed: number;
  readonly failed?: number;
  /** Distinguishes the tests of one shard from another's. */
  readonly of?: string;
}

export function junit({ failed = 0, of = 'a', passed }: Cases): string {
  const cases = Array.from({ length: passed + failed }, (_, index) => {
    const begin = `<testcase classname="suite.${of}" name="case ${index}" time="0.001"`;
    return index < failed ? `${begin}><failure message="wrong"/></testcase>` : `${begin}/>`;
  });
  const header = `name="${of}" tests="${passed + failed}" failures="${failed}" errors="0"`;
  return `<testsuite ${header}>\n${cases.join('\n')}\n</testsuite>\n`;
}

const PACKAGE = 'example.com/cart';

/** Writes passed tests as `gotestsum --junitfile` does. */
export function gotestsum(tests: readonly string[]): string {
  const cases = tests.map((name) => `<testcase classname="${PACKAGE}" name="${name}"/>`).join('');
  const version = '<properties><property name="go.version" value="go1"/></properties>';
  return `<testsuites><testsuite name="${PACKAGE}">${version}${cases}</testsuite></testsuites>`;
}

/** Writes the same tests as `go test -json` does. */
export function goTest(tests: readonly string[]): string {
  const events = tests.flatMap((Test) => [
    { Action: 'run', Package: PACKAGE, Test },
    { Action: 'pass', Package: PACKAGE, Test },
  ]);
  const all = [
    { Action: 'start', Package: PACKAGE },
    ...events,
    { Action: 'pass', Package: PACKAGE },
  ];
  return all.map((event) => `${JSON.stringify(event)}\n`).join('');
}
