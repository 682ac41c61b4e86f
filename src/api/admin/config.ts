import { Type } from '../../lib/schema-builder.ts';
import { displaySection } from '../../config/text/display.ts';
import { defineEndpoint, InstantText, instantText } from '../endpoint.ts';

export const configEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/config',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Shows the configuration in force with every default filled in and secrets masked.',
  response: Type.Object({
    hash: Type.String(),
    loaded_at: InstantText('When it went live.'),
    age_seconds: Type.Number(),
    config: Type.Record(Type.String(), Type.Unknown(), {
      description: 'Settings, consumers, services and routes. Durations are milliseconds, sizes bytes.',
    }),
  }),
  handle: ({ context, config }) => {
    const loadedAt = context.configLoadedAt();
    const { hash, ...shown } = config;
    return {
      status: 200,
      json: {
        hash,
        loaded_at: instantText(loadedAt),
        age_seconds: Math.max(0, Math.round((context.deps.clock.now() - loadedAt) / 1000)),
        config: displaySection(shown) as Record<string, unknown>,
      },
    };
  },
});
