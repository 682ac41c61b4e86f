import { type Static, Type } from '../../lib/schema-builder.ts';
import { Duration, Section } from '../../lib/schema-atoms.ts';

export const CircuitBreakerSchema = Section(
  {
    error_percent: Type.Number({
      default: 50,
      exclusiveMinimum: 0,
      maximum: 100,
      description: 'Share of failed calls within the window that opens the circuit; exactly this share opens it.',
    }),
    min_requests: Type.Integer({
      default: 20,
      minimum: 1,
      maximum: 100_000,
      description:
        'Least number of finished calls in the window before the circuit can open: a single failure in a quiet minute opens nothing.',
    }),
    window: Duration({
      default: '10s',
      minimum: '100ms',
      maximum: '10m',
      description: 'How far back calls are counted.',
    }),
    open_for: Duration({
      default: '10s',
      minimum: '10ms',
      maximum: '5m',
      description:
        'How long an open circuit refuses calls before it lets one through as a probe. Doubles, with jitter, every time the probe fails, up to 5 minutes.',
    }),
  },
  {
    description:
      'Stops calling a target that keeps failing, and finds out with single probes when it is back. Each target has its own circuit. Failures that only one caller has seen (5xx, timeouts) open it for that caller alone; connections that are refused, names and TLS that fail open it for all. `false` switches it off.',
  },
);

export type CircuitBreakerConfig = Static<typeof CircuitBreakerSchema>;
