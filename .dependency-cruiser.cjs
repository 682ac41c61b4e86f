// Which room may import which (scripts/rooms.json), and which file is the only door to a library. `npm run directions`
// checks it.
const tests = '\\.(test|long)\\.ts$';

const { rooms, ground, contracts, configuration } = require('./scripts/rooms.json');

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
  ['sql', '(knex|pg)', ['src/(storage|identity|usage)/'], 'SQL stays with the layer that owns the tables.'],
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
    ['src/api/'],
    'Only the own endpoints need it; proxied requests are plain node:http.',
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

/**
 * A name in rooms.json as a pattern of paths: a list of that name, a room, or a file below src with `*` for one folder.
 * @type {(name: string) => string[]}
 */
const expand = (name) => {
  const lists = { ground, contracts, configuration };
  if (Object.hasOwn(lists, name)) return lists[name].flatMap(expand);
  return [name.endsWith('.ts') ? `^src/${name.replace('.ts', '\\.ts$').replace('*', '[^/]+')}` : `^src/${name}/`];
};

const isGround = ({ name }) => ground.includes(name);

const roomRules = rooms.map((room) => ({
  name: `${room.name}-imports-only-what-is-below`,
  comment: `This room ${room.for}. Never in it: ${room.never}.`,
  severity: 'error',
  from: { path: `^src/${room.name}/`, pathNot: tests },
  to: {
    path: '^src/',
    pathNot: [`^src/${room.name}/`, ...(isGround(room) ? [] : expand('ground')), ...room.imports.flatMap(expand)],
  },
}));

const doorRules = doors.map(([name, packages, files, reason]) => ({
  name: `one-door-for-${name}`,
  comment: reason,
  severity: 'error',
  from: { path: '^src/', pathNot: [tests, ...files.map((file) => `^${file}`)] },
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
    to: { path: '.', pathNot: '^src/(lib|llm/prices)/' },
  },
  {
    name: 'contracts-stay-leaves',
    comment: 'Every layer may name the logger and the metrics, so these two may not lead anywhere else.',
    severity: 'error',
    from: { path: expand('contracts') },
    to: { path: '^src/', pathNot: [...expand('ground'), '^src/telemetry/(?!observe\\.ts$)'] },
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
    to: { path: '^(src|tests)/' },
  },
  {
    name: 'the-product-does-not-know-its-tests',
    comment: 'Tests are not shipped.',
    severity: 'error',
    from: { path: '^src/', pathNot: tests },
    to: { path: ['^tests/', tests] },
  },
  {
    name: 'the-product-runs-without-development-packages',
    comment: 'What src imports must be in dependencies, or a production install lacks it.',
    severity: 'error',
    from: { path: '^src/', pathNot: tests },
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
    name: 'no-cycles',
    comment:
      'Files that import each other, by type alone too, can only be understood together: join them or part them.',
    severity: 'error',
    from: { path: '^src/', pathNot: tests },
    to: { circular: true },
  },
  {
    name: 'the-gateway-is-composed-of-rooms',
    comment: 'gateway.ts takes a request through the rooms; what it opens and stores is handed to it.',
    severity: 'error',
    from: { path: '^src/gateway\\.ts$' },
    to: { path: '^src/(storage|identity|usage|counters|openapi|cli|process)/' },
  },
  {
    name: 'no-orphans',
    comment: 'A module that imports nothing and is imported by nobody is dead or misplaced.',
    severity: 'error',
    from: { orphan: true, pathNot: [tests, '\\.d\\.ts$', '^src/storage/migrations/', '^scripts/'] },
    to: {},
  },
];

module.exports = {
  forbidden: [...roomRules, ...doorRules, ...furtherRules],
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
