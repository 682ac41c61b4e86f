import { Type } from '../../lib/schema-builder.ts';

/** How a count is split, in limits and budgets alike. */
export const Per = Type.Enum(['consumer', 'credential', 'ip', 'tier', 'lob', 'model', 'route', 'service', 'global'], {
  description:
    'What gets a count of its own: each `consumer`, each `credential` (one key of a consumer), each client address (`ip`), each `tier`, each line of business (`lob`), each `model` of a catalogue that is asked for (all other requests share a count), each `route`, each `service`; `global` does not split. All callers without a tier or line of business share a count.',
});
