import type { AuditContext } from '../../src/identity/audit/audit-context.ts';

/** On record for changes that a test makes without a request. */
export const BY_TEST: AuditContext = { actor: 'test', address: undefined, requestId: undefined };
