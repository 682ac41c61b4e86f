import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, Section } from '../../lib/schema-atoms.ts';
import { defaultsOf } from '../../lib/schema-defaults.ts';
import type { ByKind } from '../../lib/service-kind.ts';

const ExpectedStatus = Section(
  {
    from: Type.Integer({
      default: 200,
      minimum: 100,
      maximum: 599,
      description: 'Lowest status that counts as healthy.',
    }),
    to: Type.Integer({
      default: 399,
      minimum: 100,
      maximum: 599,
      description: 'Highest status that counts as healthy.',
    }),
  },
  { default: {}, description: 'Range of statuses that count as healthy.' },
);

export const HealthSchema = Section(
  {
    path: Type.String({
      default: '/health',
      pattern: '^/[!-~]*$',
      'x-form': 'a path that begins with /, in visible ASCII',
      maxLength: 2_048,
      description:
        'Path of the probe (a GET request) from the root of the target; a path in the target url is not put before it.',
    }),
    interval: Duration({
      default: '5s',
      minimum: '100ms',
      maximum: '1h',
      description:
        'Time between two probes of a target. It varies by a tenth, so that several gateways do not probe at the same time.',
    }),
    timeout: Duration({
      default: '2s',
      minimum: '10ms',
      maximum: '1m',
      description: 'A probe without a complete answer after this time has failed.',
    }),
    healthy_after: Type.Integer({
      default: 2,
      minimum: 1,
      maximum: 100,
      description: 'Successful probes in a row before an unhealthy target is used again.',
    }),
    unhealthy_after: Type.Integer({
      default: 3,
      minimum: 1,
      maximum: 100,
      description: 'Failed probes in a row before a target is no longer used.',
    }),
    expected_status: ExpectedStatus,
  },
  {
    description:
      'Probes every target at intervals and sends no requests to unhealthy ones. Off by default, but on for embeddings, where any answer counts as healthy, so that `/health` can show the inference service.',
  },
);

export type HealthConfig = Static<typeof HealthSchema>;

/**
 * Lets `/health` show the inference service. Nobody knows whether an unknown service has such a page, so any answer
 * counts as well: only a target that gives no answer is taken out of use.
 */
const ANY_ANSWER: HealthConfig = { ...defaultsOf(HealthSchema), expected_status: { from: 100, to: 599 } };

export const DEFAULT_HEALTH: ByKind<HealthConfig | false> = { http: false, llm: false, embeddings: ANY_ANSWER };
