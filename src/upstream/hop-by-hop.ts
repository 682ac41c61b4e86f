/** Connection options that name no field. */
const OPTIONS_ALONE: ReadonlySet<string> = new Set(['', 'close', 'keep-alive', 'upgrade']);

/**
 * The lower-case field names a `Connection` value nominates; `undefined` when there are none, which is the rule. An
 * intermediary must remove them (RFC 9110 section 7.6.1) before it adds its own fields, so that a sender cannot use
 * the list to take away what this gateway adds.
 */
export function nominatedNames(connection: string | undefined): readonly string[] | undefined {
  if (connection === undefined || OPTIONS_ALONE.has(connection)) return undefined;
  const names = connection
    .split(',')
    .map((item) => item.trim().toLowerCase())
    .filter((name) => !OPTIONS_ALONE.has(name));
  return names.length === 0 ? undefined : names;
}
