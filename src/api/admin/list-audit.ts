import { Type } from '../../lib/schema-builder.ts';
import { Instant, Section } from '../../lib/schema-atoms.ts';
import { defineEndpoint } from '../endpoint.ts';
import { AuditView, auditView } from './audit-view.ts';
import { PAGE_FIELDS, PageOf, pageOf } from './paging.ts';

function Filter(description: string) {
  return Type.Optional(Type.String({ description, minLength: 1, maxLength: 400 }));
}

export const listAuditEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/audit',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Lists who changed what, newest first.',
  query: Section(
    {
      ...PAGE_FIELDS,
      actor: Filter(
        'Only what this actor did: `master_key`, `anybody`, the id of a consumer, `cli:<user>` or `gateway`.',
      ),
      action: Filter('Only this action, such as `key.revoke`.'),
      subject: Filter('Only what was done to this key, consumer or user.'),
      since: Type.Optional(Instant({ description: 'Only what happened then or later.' })),
    },
    { description: 'Which changes.' },
  ),
  response: PageOf(AuditView),
  handle: async ({ context, query }) => {
    const page = await context.identity.audit.list(query);
    return { status: 200, json: pageOf(page, auditView) };
  },
});
