/** What services, routes, tiers and keys may be called: these names stand in paths, logs, metrics and counters. */
export const NAME_FORM = {
  pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
  'x-form': 'up to 64 letters, digits, ".", "_" and "-", beginning with a letter or digit',
};
