import { Rejection } from '../../errors/rejection.ts';
import { defineAccessPolicy } from '../policy.ts';
import { PathsSchema } from './schema.ts';

const ENCODED_SLASH = new Rejection('INVALID_PATH', 'The path holds "%2F", which this route does not accept.');
const EMPTY_SEGMENT = new Rejection('INVALID_PATH', 'The path holds "//", which this route does not accept.');

/** Decides about the two spellings that some servers read as a segment boundary and others do not. */
export const pathsPolicy = defineAccessPolicy({
  phase: 'access',
  name: 'paths',
  schema: PathsSchema,
  errors: ['INVALID_PATH'],
  create(config) {
    const refusesSlash = config.encoded_slash !== 'pass';
    const refusesEmpty = config.empty_segments !== 'pass';
    if (!refusesSlash && !refusesEmpty) return [];
    return [
      {
        name: 'paths',
        decide({ edge }) {
          if (refusesSlash && edge.hasEncodedSlash) return ENCODED_SLASH;
          return refusesEmpty && edge.hasEmptySegment ? EMPTY_SEGMENT : undefined;
        },
      },
    ];
  },
});
