import { type Static, Type } from '../../lib/schema-builder.ts';
import { AddressRange, Section } from '../../lib/schema-atoms.ts';

export const IpSchema = Section(
  {
    allow: Type.Array(AddressRange(), {
      description: 'Addresses or CIDR ranges that may call. Empty allows every address that is not denied.',
      default: [],
    }),
    deny: Type.Array(AddressRange(), {
      description: 'Addresses or CIDR ranges that may not call. Wins over `allow`.',
      default: [],
    }),
  },
  { description: 'Client addresses that may call. The address is the one `settings.trust_proxy` establishes.' },
);

export type IpConfig = Static<typeof IpSchema>;
