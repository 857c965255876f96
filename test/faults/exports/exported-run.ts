/** The export that export-kill.test.ts kills repeatedly. */
export const EXPORTED = {
  table: { project: 'acme', dataset: 'tests', table: 'results' },
  invocationId: 'run',
  index: 0,
};
