import { Type } from '../../lib/schema-builder.ts';
import { GatewayError, Rejection } from '../../errors/rejection.ts';
import { byMasterKey } from '../audit-context.ts';
import { defineEndpoint } from '../endpoint.ts';

export const reloadEndpoint = defineEndpoint({
  method: 'POST',
  path: '/admin/reload',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Reads the configuration file again. With mistakes in it 400 lists them, and nothing changes.',
  response: Type.Object({
    status: Type.Literal('reloaded'),
    hash: Type.String({ description: 'Hash of the configuration now in force.' }),
    restart_needed: Type.Array(Type.String(), { description: 'Changed settings that wait for a restart.' }),
  }),
  handle: async ({ context, exchange }) => {
    const outcome = await context.reload(byMasterKey(exchange));
    if (!outcome.ok) throw new GatewayError(new Rejection('VALIDATION_ERROR', outcome.problems.join('\n')));
    const { hash, restartNeeded } = outcome;
    return { status: 200, json: { status: 'reloaded' as const, hash, restart_needed: [...restartNeeded] } };
  },
});
