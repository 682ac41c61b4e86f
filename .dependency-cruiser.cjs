// Which folder may import which, and which file is the only door to a library. `npm run directions` checks it.
const tests = '\\.(test|long)\\.ts$';

/** Every folder may import these four; they import nothing above them. */
const ground = ['src/edge/', 'src/exchange/', 'src/errors/', 'src/lib/'];
/** Files that every layer above `exchange` may name. */
const contracts = ['src/telemetry/(logger|metrics|service-metrics).ts'];
/** The shape of the loaded configuration: plain data. Policies are the exception, they see only their own section. */
const configuration = ['src/config/(schema|settings-schema|token-schema|gateway-config).ts'];

/**
 * A folder of src, what it may import besides itself, and why not more.
 * @type {[layer: string, allowed: string[], reason: string][]}
 */
const layers = [
  ['errors', ['src/lib/'], 'Errors are named by every layer, so they depend on none.'],
  ['lib', [], 'A leaf that imports a layer is not a leaf.'],
  [
    'edge',
    ['src/errors/', 'src/lib/'],
    'Raw bytes become one unambiguous request before anything else is known about it.',
  ],
  [
    'exchange',
    ['src/edge/', 'src/errors/', 'src/lib/'],
    'The record of a request is shared by all layers and may know none of them.',
  ],
  ['storage', [...ground, ...contracts], 'Stores are told what to keep; they do not know who asks.'],
  [
    'identity',
    [...ground, ...contracts, ...configuration, 'src/storage/'],
    'Identity stands on storage and is asked by policies and api.',
  ],
  [
    'usage',
    [...ground, ...contracts, 'src/storage/'],
    'Usage stands on storage and is asked by policies, telemetry and api.',
  ],
  [
    'counters',
    // Rules and amounts are compiled from the words of the configuration file.
    [...ground, ...contracts, 'src/policies/limits/schema.ts', 'src/storage/(redis|redis-guard|fleet).ts'],
    'Counters count what they are given; which caller or route it belongs to is the policy’s business.',
  ],
  ['llm', [...ground, ...contracts], 'Knowledge of models and providers needs nothing of the gateway around it.'],
  [
    'upstream',
    [...ground, ...contracts, ...configuration],
    'Calling an upstream must not know which policies wrap the call.',
  ],
  [
    'policies',
    [
      ...ground,
      ...contracts,
      'src/counters/',
      'src/dependencies.ts',
      'src/identity/',
      'src/usage/',
      'src/llm/',
      'src/upstream/',
      'src/storage/idempotency/idempotency-store.ts',
    ],
    'A policy sees its own configuration section and what it was handed, never the router, the file or the API.',
  ],
  [
    'routing',
    // The content hash keys the state that survives a reload.
    [
      ...ground,
      ...contracts,
      ...configuration,
      'src/config/hash.ts',
      'src/counters/',
      'src/dependencies.ts',
      'src/llm/',
      'src/policies/',
      'src/upstream/',
    ],
    'Routing compiles policies and upstreams; storage and identity reach it only through them.',
  ],
  [
    'telemetry',
    [...ground, ...configuration, 'src/usage/'],
    'Telemetry reads the finished exchange; nothing calls back upward.',
  ],
  [
    'config',
    [...ground, 'src/policies/schemas.ts', 'src/policies/[^/]+/schema.ts', 'src/llm/(operation-rows|schema).ts'],
    'Loading a file must not start the machinery it describes: of policies and llm it sees the schemas.',
  ],
  [
    'openapi',
    [
      ...ground,
      ...configuration,
      // Bodies are described in the words of the configuration file.
      'src/config/(editor-schema|normalize).ts',
      'src/llm/(operation|schema).ts',
    ],
    'The description is made of the configuration and of what it is handed, never of the running gateway.',
  ],
  [
    'api',
    [
      ...ground,
      ...contracts,
      'src/config/',
      'src/dependencies.ts',
      'src/identity/',
      'src/usage/',
      'src/upstream/',
      'src/openapi/',
      // Keys carry limits in the words of the configuration file.
      'src/policies/schemas.ts',
      // Tells a store that is down from a bug: 503 and not 500.
      'src/storage/database-error.ts',
    ],
    'Endpoints are mounted by the gateway and never reach back to the gateway, the process or the command line.',
  ],
];

/**
 * A library, its packages, the only files that may import them, and why.
 * @type {[name: string, packages: string, files: string[], reason: string][]}
 */
const doors = [
  ['yaml', 'yaml', ['src/config/'], 'YAML is read where errors can name file, line and column.'],
  [
    'ajv',
    'ajv(-formats)?',
    ['src/config/', 'src/api/endpoint.ts'],
    'One place decides strictness, coercion and messages.',
  ],
  [
    'undici',
    'undici',
    ['src/upstream/(upstream-call|health|pools)(\\.ts|/)'],
    'Its defaults are unsafe for a proxy; one file sets them.',
  ],
  [
    'http-proxy-middleware',
    'http-proxy-middleware',
    ['src/upstream/tunnel\\.ts'],
    'Used for upgrades only, behind our own plugin.',
  ],
  ['ioredis', 'ioredis', ['src/storage/redis\\.ts'], 'Deadlines and the offline switch are set once.'],
  [
    'sql',
    '(knex|pg)',
    ['src/(storage|identity|usage)/', 'migrations/'],
    'SQL stays with the layer that owns the tables.',
  ],
  ['opossum', 'opossum', ['src/policies/circuit-breaker/'], 'Fed with finished outcomes by one adapter.'],
  ['p-retry', 'p-retry', ['src/policies/retry/'], 'Its defaults retry ten times from one second.'],
  [
    'prom-client',
    'prom-client',
    ['src/telemetry/metrics\\.ts'],
    'Metric names and labels are a contract kept in one file.',
  ],
  ['pino', 'pino(-http|-pretty)?', ['src/telemetry/logger\\.ts'], 'Masking and buffering are set once.'],
  ['jose', 'jose', ['src/identity/'], 'Tokens are verified, and cached, in one layer.'],
  [
    'express',
    '(express|helmet)',
    ['src/gateway\\.ts', 'src/api/', 'src/routing/'],
    'The data plane below the mount is plain node:http.',
  ],
  [
    'typebox',
    'typebox',
    ['src/lib/schema-builder\\.ts'],
    'Schemas need twelve small builders; loading the library is a fifth of a start.',
  ],
  ['commander', 'commander', ['src/cli/'], 'Arguments are parsed by the command line only.'],
  ['close-with-grace', 'close-with-grace', ['src/main\\.ts', 'src/cli/'], 'Only the process entry handles signals.'],
];

/** @param {string[]} paths */
const anchored = (paths) => paths.map((path) => `^${path.replace(/\.ts$/, '\\.ts$')}`);

const layerRules = layers.map(([layer, allowed, reason]) => ({
  name: `${layer}-imports-only-what-is-below`,
  comment: reason,
  severity: 'error',
  from: { path: `^src/${layer}/`, pathNot: tests },
  to: { path: '^src/', pathNot: [`^src/${layer}/`, ...anchored(allowed)] },
}));

const doorRules = doors.map(([name, packages, files, reason]) => ({
  name: `one-door-for-${name}`,
  comment: reason,
  severity: 'error',
  from: { path: '^(src|migrations)/', pathNot: [tests, ...files.map((file) => `^${file}`)] },
  to: { path: `(^|/)node_modules/${packages}/` },
}));

const furtherRules = [
  {
    name: 'one-door-for-node-sqlite',
    comment: 'SQLite is synchronous: only the storage layer knows how to keep it off the event loop.',
    severity: 'error',
    from: { path: '^src/', pathNot: [tests, '^src/storage/'] },
    to: { path: '^(node:)?sqlite$' },
  },
  {
    name: 'policies-do-not-know-each-other',
    comment: 'Policies meet in the exchange. A shared part belongs in lib, exchange or upstream.',
    severity: 'error',
    from: { path: '^src/policies/([^/]+)/', pathNot: tests },
    to: { path: '^src/policies/[^/]+/', pathNot: '^src/policies/$1/' },
  },
  {
    name: 'policies-do-not-know-the-registry',
    comment: 'The registry lists policies; the reverse would be a cycle.',
    severity: 'error',
    from: { path: '^src/policies/[^/]+/', pathNot: tests },
    to: { path: '^src/policies/(registry|schemas)\\.ts$' },
  },
  {
    name: 'a-policy-schema-stands-alone',
    comment: 'config reads the schemas: whatever a schema imported, loading a file would import.',
    severity: 'error',
    from: { path: '^src/(policies/[^/]+|llm)/schema\\.ts$' },
    to: { path: '.', pathNot: '^src/lib/' },
  },
  {
    name: 'contracts-stay-leaves',
    comment: 'Every layer may name the logger and the metrics, so these two may not lead anywhere else.',
    severity: 'error',
    from: { path: anchored(contracts) },
    to: { path: '^src/', pathNot: [...anchored(ground), '^src/telemetry/(?!observer)'] },
  },
  {
    name: 'nothing-imports-the-entry-points',
    comment: 'The command line and the process entry stand on top.',
    severity: 'error',
    from: { path: '^src/', pathNot: [tests, '^src/(cli|process)/', '^src/main\\.ts$'] },
    to: { path: '^src/(cli/|process/|main\\.ts$)' },
  },
  {
    name: 'only-entry-points-import-the-gateway',
    comment: 'The composition root is composed by the process, not used by its parts.',
    severity: 'error',
    from: { path: '^src/', pathNot: [tests, '^src/cli/', '^src/process/', '^src/main\\.ts$', '^src/gateway\\.ts$'] },
    to: { path: '^src/gateway\\.ts$' },
  },
  {
    name: 'samples-do-not-know-the-gateway',
    comment: 'The sample services are what a stranger would put behind the gateway.',
    severity: 'error',
    from: { path: '^services/' },
    to: { path: '^(src|tests|migrations)/' },
  },
  {
    name: 'the-product-does-not-know-its-tests',
    comment: 'Tests are not shipped.',
    severity: 'error',
    from: { path: '^(src|migrations)/', pathNot: tests },
    to: { path: ['^tests/', tests] },
  },
  {
    name: 'the-product-runs-without-development-packages',
    comment: 'What src imports must be in dependencies, or a production install lacks it.',
    severity: 'error',
    from: { path: '^(src|migrations)/', pathNot: tests },
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['npm'] },
  },
  {
    name: 'every-import-resolves',
    comment: 'A specifier that resolves to nothing would escape every other rule.',
    severity: 'error',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'no-orphans',
    comment: 'A module that imports nothing and is imported by nobody is dead or misplaced.',
    severity: 'error',
    from: { orphan: true, pathNot: [tests, '\\.d\\.ts$', '^migrations/', '^src/storage/migrations/', '^scripts/'] },
    to: {},
  },
];

module.exports = {
  // Cycles are the linter's (import/no-cycle): it knows type imports, which cost nothing at run time, from real ones.
  forbidden: [...layerRules, ...doorRules, ...furtherRules],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|coverage)/' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.js', '.json', '.d.ts'],
    },
  },
};
