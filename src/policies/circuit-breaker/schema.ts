import Type, { type Static } from 'typebox';

export const CircuitBreakerSchema = Type.Object(
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
        'Finished calls the window must hold before the share is looked at: a single failure in a quiet minute opens nothing.',
    }),
    window: Type.Number({
      default: 10_000,
      minimum: 100,
      maximum: 600_000,
      description: 'How far back calls are counted.',
    }),
    open_for: Type.Number({
      default: 10_000,
      minimum: 10,
      maximum: 300_000,
      description:
        'How long an open circuit refuses calls before it lets one through as a probe. Doubles, with jitter, every time the probe fails, up to 5 minutes.',
    }),
  },
  {
    additionalProperties: false,
    description:
      'Stops calling a target that keeps failing, and finds out with single probes when it is back. Each target has its own circuit. `false` switches it off.',
  },
);

export type CircuitBreakerConfig = Static<typeof CircuitBreakerSchema>;
