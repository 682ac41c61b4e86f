import { type AccessStep, defineAccessPolicy } from '../policy.ts';
import { type TimeoutConfig, TimeoutSchema } from './schema.ts';

/**
 * Starts the total deadline as soon as the request has matched its route. The waits of a single attempt (connect,
 * first byte, idle) belong to the route's upstream plan, which the forwarder reads.
 */
export const timeoutPolicy = defineAccessPolicy({
  name: 'timeout',
  phase: 'access',
  schema: TimeoutSchema,
  errors: ['UPSTREAM_TIMEOUT', 'REQUEST_TIMEOUT'],
  create: ({ total }: TimeoutConfig) => (total === 0 ? [] : [limitTotal(total)]),
});

function limitTotal(ms: number): AccessStep {
  return {
    name: 'timeout',
    decide: (exchange) => {
      exchange.deadline.limitTotal(ms);
      return undefined;
    },
  };
}
