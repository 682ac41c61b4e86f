import { Rejection } from '../../errors/rejection.ts';
import { compileAddressSet } from '../../lib/address-set.ts';
import { defineAccessPolicy } from '../policy.ts';
import { IpSchema } from './schema.ts';

/** Lets through clients in `allow` (all, when it is empty) that are not in `deny`. */
export const ipPolicy = defineAccessPolicy({
  phase: 'access',
  name: 'ip',
  schema: IpSchema,
  errors: ['IP_NOT_ALLOWED'],
  create({ allow, deny }) {
    if (allow.length === 0 && deny.length === 0) return [];
    const isDenied = compileAddressSet(deny);
    const isAllowed = allow.length === 0 ? () => true : compileAddressSet(allow);
    return [
      {
        name: 'ip',
        decide: ({ clientIp }) => (isAllowed(clientIp) && !isDenied(clientIp) ? undefined : refuse(clientIp)),
      },
    ];
  },
});

function refuse(clientIp: string): Rejection {
  return new Rejection('IP_NOT_ALLOWED', `Requests from ${clientIp} are not allowed here.`);
}
