import { areDocsOn, type Settings } from '../../config/settings-schema.ts';
import type { ApiContext } from '../context.ts';
import type { Access } from '../endpoint.ts';

/** Nobody can tell a gateway that does not describe itself from one that cannot. */
export function docsAccess(settings: Settings, { isDevelopment }: ApiContext): Access {
  return areDocsOn(settings, isDevelopment) ? 'none' : 'hidden';
}
