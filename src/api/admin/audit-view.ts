import { type Static, Type } from '../../lib/schema-builder.ts';
import type { AuditEntry } from '../../identity/audit/audit-log.ts';
import { InstantText, instantText } from '../endpoint.ts';

function Fields(description: string) {
  return Type.Optional(Type.Record(Type.String(), Type.Unknown(), { description }));
}

/** One change. Fields that have nothing to say are left out. */
export const AuditView = Type.Object({
  id: Type.Integer(),
  at: InstantText('When it was changed.'),
  actor: Type.String({ description: 'Who changed it.' }),
  address: Type.Optional(Type.String({ description: 'Where the request came from.' })),
  request_id: Type.Optional(Type.String()),
  action: Type.String({ description: '`<what>.<verb>`' }),
  subject: Type.String({ description: 'Id of what was changed.' }),
  before: Fields('The fields it changed, as they were; secrets never. Times in epoch milliseconds.'),
  after: Fields('The same as they became.'),
  position: Type.Optional(Type.Integer({ description: 'Place in the hash chain; absent for some seconds.' })),
  hash: Type.Optional(Type.String({ description: 'Seal over this change and all before it.' })),
});

export function auditView(entry: AuditEntry): Static<typeof AuditView> {
  const { id, at, actor, address, requestId, action, subject, before, after, position, hash } = entry;
  return {
    id,
    at: instantText(at),
    actor,
    ...(address === undefined ? {} : { address }),
    ...(requestId === undefined ? {} : { request_id: requestId }),
    action,
    subject,
    ...(before && { before: { ...before } }),
    ...(after && { after: { ...after } }),
    ...(position !== undefined && { position }),
    ...(hash !== undefined && { hash }),
  };
}
