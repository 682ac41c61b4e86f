import { ModelName, Permission, Section } from '../lib/schema-atoms.ts';
import { Type } from '../lib/schema-builder.ts';
import { policyField } from '../policies/schemas.ts';

/** `settings.accounts`. */
export const AccountsSchema = Section(
  {
    signup: Type.Enum(['off', 'open', 'master_key'], {
      description:
        'Who may create an account at `/v1/auth/signup`: nobody, everybody, or a caller with the master key. With `open`, everybody who can reach the gateway can call every service whose routes ask for no permission.',
      default: 'off',
    }),
    default_tier: Type.Optional(
      Type.String({ description: 'Tier of new accounts. Without it they have none.', minLength: 1, maxLength: 64 }),
    ),
    default_permissions: Type.Optional(
      Type.Array(Permission(), {
        description:
          'Permissions of new accounts, for `authorize`. Default: none with `signup: open`, because anybody could give them to themselves; all with `signup: master_key`.',
        maxItems: 100,
        uniqueItems: true,
      }),
    ),
    default_models: Type.Optional(
      Type.Array(ModelName(), {
        description: 'Models that new accounts may ask for. Default: all that a service offers.',
        maxItems: 100,
        uniqueItems: true,
      }),
    ),
    default_budget: policyField('budget'),
  },
  { description: 'People who log in with e-mail address and password.', default: {} },
);
