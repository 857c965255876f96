/** JUnit reports of a runner, so that a scenario knows the totals that must come out. */
export interface Cases {
  readonly passed: number;
  readonly failed?: number;
  /** Tells the tests of one shard from another's. */
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
