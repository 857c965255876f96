// Imports point down only. The layers of each package, from the top (design: ARCHITECTURE.md):
export const PACKAGES = [
  {
    sources: 'src',
    layers: [
      ['entry-points'],
      ['server', 'cli'],
      ['copy'],
      ['services', 'ingest'],
      ['services/shared'],
      ['gauges'],
      ['deadlines', 'retention'],
      ['finalizer', 'exporter'],
      ['artifacts', 'invocations', 'results', 'secrets', 'experiments', 'migrations'],
    ],
  },
  {
    sources: 'packages/queue/src',
    layers: [
      ['entry-points'],
      ['testing'],
      ['tq'],
      ['tasks'],
      ['storage', 'oidc'],
      ['foundations'],
    ],
  },
];

// What may be imported across one layer, each with its reason.
const SIDEWAYS = {
  // The CLI starts the server; the server knows nothing of the CLI.
  cli: ['server'],
  // Results belong to invocations.
  results: ['invocations'],
  // Artifacts belong to invocations and to results, and are read in pages as results are.
  artifacts: ['invocations', 'results'],
  // The export task is enqueued in the transaction that finalizes; see 'finalizer-knows-no-exporter'.
  finalizer: ['exporter'],
};

/** The folder of a layer, without those of its folders that are layers of their own. */
const folderIn = ({ sources, layers }, name) => {
  const inner = layers.flat().filter((other) => other.startsWith(`${name}/`));
  const without = inner.map((other) => `(?!${other.slice(name.length + 1)}/)`).join('');
  return `^${sources}/${name}/${without}`;
};

const upward = PACKAGES.flatMap((pack) =>
  pack.layers.flatMap((layer, depth) => {
    const above = pack.layers.slice(0, depth).flat();
    return layer.map((name) => ({
      name: `${pack.sources}-${name}-imports-nothing-above`,
      severity: 'error',
      from: { path: folderIn(pack, name), pathNot: '\\.test\\.ts$' },
      to: {
        path: [...above, ...layer]
          .filter((other) => other !== name && !(SIDEWAYS[name] ?? []).includes(other))
          .map((other) => folderIn(pack, other)),
      },
    }));
  }),
);

export default {
  forbidden: [
    ...upward.filter((rule) => rule.to.path.length > 0),
    {
      name: 'the-queue-stands-alone',
      comment: 'it is a package of its own, and knows nothing of invocations',
      severity: 'error',
      from: { path: '^packages/queue/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/' },
    },
    {
      name: 'the-queue-is-used-by-its-public-names',
      severity: 'error',
      from: { path: '^src/', pathNot: '\\.test\\.ts$' },
      to: { path: '^packages/queue/src/', pathNot: '^packages/queue/src/entry-points/' },
    },
    {
      name: 'finalizer-knows-no-exporter',
      comment: 'it enqueues export tasks, and knows nothing else of exports',
      severity: 'error',
      from: { path: '^src/finalizer/', pathNot: '\\.test\\.ts$' },
      to: { path: '^src/exporter/', pathNot: '^src/exporter/(task|invocation-rows)\\.ts$' },
    },
    {
      name: 'testing-stays-out-of-production',
      severity: 'error',
      from: {
        path: '^(src|packages/queue/src)/',
        pathNot: '^packages/queue/src/(testing|entry-points)/|\\.test\\.ts$',
      },
      to: { path: '^packages/queue/src/(testing/|entry-points/testing)' },
    },
    {
      name: 'production-imports-nothing-of-tests',
      severity: 'error',
      from: { path: '^(src|packages/queue/src)/', pathNot: '\\.test\\.ts$' },
      to: { path: '^test/|\\.test\\.ts$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'no-development-packages',
      comment: 'optional peers are loaded by dynamic import only',
      severity: 'error',
      from: { path: '^(src|packages/queue/src)/', pathNot: '\\.test\\.ts$' },
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
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['postlude-source', 'import', 'types'],
    },
  },
};
