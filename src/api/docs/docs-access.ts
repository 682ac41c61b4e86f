import { areDocsOn, type Settings } from '../../config/settings-schema.ts';
import type { ApiContext } from '../context.ts';
import type { Access } from '../endpoint.ts';

/** A gateway with its docs switched off looks like one without docs. */
export function docsAccess(settings: Settings, { isDevelopment }: ApiContext): Access {
  return areDocsOn(settings, isDevelopment) ? 'none' : 'hidden';
}
