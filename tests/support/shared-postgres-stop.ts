// Jest's global teardown; it takes a file of its own.
export { stopShared as default } from './shared-postgres.ts';
