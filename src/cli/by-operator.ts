import { userInfo } from 'node:os';
import type { AuditContext } from '../identity/audit/audit-context.ts';

/** For the audit log: the system's name of the user who runs this command. */
export function byOperator(): AuditContext {
  return { actor: `cli:${systemUser()}`, address: undefined, requestId: undefined };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // In a container the process may run as a number without a name.
    return String(process.getuid?.() ?? 'unknown');
  }
}
