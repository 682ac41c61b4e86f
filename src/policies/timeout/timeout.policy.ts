import { type BodyPace, DEFAULT_PACE } from '../../exchange/body-pace.ts';
import { type AccessStep, defineAccessPolicy } from '../policy.ts';
import { type TimeoutConfig, TimeoutSchema } from './schema.ts';

/**
 * Starts the total deadline as soon as the request has matched its route, and says how fast its body must come. The waits of a single attempt (connect,
 * first byte, idle) belong to the route's upstream plan, which the forwarder reads.
 */
export const timeoutPolicy = defineAccessPolicy({
  name: 'timeout',
  phase: 'access',
  schema: TimeoutSchema,
  errors: ['UPSTREAM_TIMEOUT', 'REQUEST_TIMEOUT'],
  create: ({ total, upload_idle: idle, upload_rate: bytesPerSecond }: TimeoutConfig) => [
    ...(total === 0 ? [] : [limitTotal(total)]),
    ...(isDefault({ idle, bytesPerSecond }) ? [] : [setPace({ idle, bytesPerSecond })]),
  ],
});

function isDefault({ idle, bytesPerSecond }: BodyPace): boolean {
  return idle === DEFAULT_PACE.idle && bytesPerSecond === DEFAULT_PACE.bytesPerSecond;
}

function setPace(pace: BodyPace): AccessStep {
  return {
    name: 'timeout',
    decide: (exchange) => {
      exchange.body.pace = pace;
      return undefined;
    },
  };
}

function limitTotal(ms: number): AccessStep {
  return {
    name: 'timeout',
    decide: (exchange) => {
      exchange.deadline.limitTotal(ms);
      return undefined;
    },
  };
}
