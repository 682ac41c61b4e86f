export default {
  testEnvironment: 'node',
  extensionsToTreatAsEsm: ['.ts'],
  transform: { '\\.ts$': './tests/support/strip-transform.js' },
  testMatch: ['**/*.test.ts'],
  testPathIgnorePatterns: ['/node_modules/', '/dist/', '/bench/'],
  modulePathIgnorePatterns: ['/dist/'],
  setupFiles: ['<rootDir>/tests/support/realm.js'],
  globalSetup: '<rootDir>/tests/support/shared-postgres.ts',
  globalTeardown: '<rootDir>/tests/support/shared-postgres-stop.ts',
  // Most tests wait for sockets and servers: with one worker per core but one, a core would idle.
  maxWorkers: '100%',
  workerIdleMemoryLimit: '512MB',
  testTimeout: 20_000,
  coverageProvider: 'babel',
  collectCoverageFrom: ['src/**/*.ts', '!src/**/*.test.ts', '!src/**/*.long.ts'],
  coverageReporters: ['text-summary', 'json-summary'],
};
