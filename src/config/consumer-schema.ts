import { Type } from '../lib/schema-builder.ts';
import { AddressRange, Instant, ModelName, Permission, Section } from '../lib/schema-atoms.ts';
import { policyField } from '../policies/schemas.ts';
import { NAME_FORM } from './text/name-form.ts';

export const TierSchema = Section(
  { rate_limit: policyField('rate_limit'), budget: policyField('budget') },
  { description: 'A plan. Its limits and budgets apply to each of its consumers, on top of all other limits.' },
);

export const ConsumerSchema = Section(
  {
    id: Type.String({
      description: 'Unique id, used in counts and logs.',
      pattern: '^[A-Za-z0-9][A-Za-z0-9._:@-]{0,127}$',
      'x-form': 'up to 128 letters, digits, ".", "_", ":", "@" and "-", beginning with a letter or digit',
    }),
    name: Type.Optional(
      Type.String({ description: 'Name for people. Default: the id.', minLength: 1, maxLength: 200 }),
    ),
    enabled: Type.Boolean({ description: '`false` refuses all keys of the consumer.', default: true }),
    tier: Type.Optional(Type.String({ description: 'Its plan, one of `tiers`.', ...NAME_FORM })),
    permissions: Type.Array(Permission(), {
      description: 'Permissions, checked by `authorize`: `embed:write`, `embed:*`, or `*` for everything.',
      default: ['*'],
      maxItems: 100,
      uniqueItems: true,
    }),
    models: Type.Optional(
      Type.Array(ModelName(), {
        description: 'Models it may use on llm and embeddings services. Default: all.',
        maxItems: 100,
        uniqueItems: true,
      }),
    ),
    rate_limit: policyField('rate_limit'),
    budget: policyField('budget'),
    keys: Type.Array(
      Section(
        {
          hash: Type.String({
            description: '`sha256:` and the SHA-256 of the whole key in hexadecimal.',
            pattern: '^sha256:[0-9a-fA-F]{64}$',
            'x-form': 'sha256: and 64 hexadecimal digits',
          }),
          id: Type.Optional(
            Type.String({ description: 'Id for logs and limits. Default: from the hash.', ...NAME_FORM }),
          ),
          expires_at: Type.Optional(
            Instant({ description: 'When the key stops working: `2027-01-01` or with time and offset.' }),
          ),
          rate_limit: policyField('rate_limit'),
          budget: policyField('budget'),
          scopes: Type.Optional(
            Type.Array(Permission(), {
              description: 'Permissions of the key, of those the consumer has. Default: all.',
            }),
          ),
          models: Type.Optional(
            Type.Array(ModelName(), {
              description: 'Models it may use on llm and embeddings services. Default: all.',
            }),
          ),
          routes: Type.Optional(
            Type.Array(Type.String({ ...NAME_FORM }), {
              description: 'Routes it may use, by name; an implied route has the name of its service. Default: all.',
            }),
          ),
          addresses: Type.Optional(
            Type.Array(AddressRange(), { description: 'Client addresses it may be used from. Default: all.' }),
          ),
        },
        { description: 'A key, known only by its hash.' },
      ),
      { description: 'Keys of the consumer.', default: [] },
    ),
  },
  { description: 'A caller defined in the file instead of the database.' },
);
