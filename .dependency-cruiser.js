// Imports point down only. The layers, from the top (design: ARCHITECTURE.md):
export const LAYERS = [
  ['entry-points'],
  ['server', 'cli'],
  ['copy'],
  ['services', 'ingest'],
  ['services/shared'],
  ['deadlines', 'retention'],
  ['finalizer', 'exporter'],
  ['invocations', 'results', 'secrets', 'tasks', 'tq', 'experiments'],
  ['storage', 'oidc'],
];

// What may be imported across one layer, each with its reason.
const SIDEWAYS = {
  // The CLI starts the server; the server knows nothing of the CLI.
  cli: ['server'],
  // Results belong to invocations.
  results: ['invocations'],
  // The export task is enqueued in the transaction that finalizes; see 'finalizer-knows-no-exporter'.
  finalizer: ['exporter'],
  // Our own queue is one of the ways in which pushed tasks are delivered.
  tq: ['tasks'],
};

/** The folder of a layer, without those of its folders that are layers of their own. */
const folder = (name) => {
  const inner = LAYERS.flat().filter((other) => other.startsWith(`${name}/`));
  const without = inner.map((other) => `(?!${other.slice(name.length + 1)}/)`).join('');
  return `^src/${name}/${without}`;
};

const upward = LAYERS.flatMap((layer, depth) => {
  const above = LAYERS.slice(0, depth).flat();
  return layer.map((name) => ({
    name: `${name}-imports-nothing-above`,
    severity: 'error',
    from: { path: folder(name), pathNot: '\\.test\\.ts$' },
    to: {
      path: [...above, ...layer]
        .filter((other) => other !== name && !(SIDEWAYS[name] ?? []).includes(other))
        .map(folder),
    },
  }));
});

export default {
  forbidden: [
    ...upward.filter((rule) => rule.to.path.length > 0),
    {
      name: 'foundations-import-nothing-above',
      comment: 'clock, errors, retry, log and their like stand at the bottom',
      severity: 'error',
      from: { path: '^src/[^/]+\\.ts$', pathNot: '^src/index\\.ts$|\\.test\\.ts$' },
      to: { path: '^src/[^/]+/' },
    },
    {
      name: 'finalizer-knows-no-exporter',
      comment: 'it enqueues export tasks, and knows nothing else of exports',
      severity: 'error',
      from: { path: '^src/finalizer/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/exporter/', pathNot: '^src/exporter/task\\.ts$' },
    },
    {
      name: 'testing-stays-out-of-production',
      severity: 'error',
      from: { path: '^src/', pathNot: '^src/(testing|entry-points)/|\\.test\\.ts$' },
      to: { path: '^src/testing/' },
    },
    {
      name: 'production-imports-nothing-of-tests',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { path: '^test/|\\.test\\.ts$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-development-packages',
      comment: 'optional peers are loaded by dynamic import only',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: {
        dependencyTypes: ['npm-dev'],
        dependencyTypesNot: ['type-only', 'npm-peer'],
        pathNot: 'node_modules/(@types|pg|pg-cursor|@electric-sql|@duckdb)/',
      },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'types'] },
  },
};
