/**
 * Lists of names in which a `*` at the end of a name stands for any rest: `embed:*` holds `embed:read`, `*` holds
 * everything, and an empty list nothing. Permissions and models are kept so; what is before and behind a `:` has no
 * meaning here.
 */

/** True when the list holds the name; a name that ends in `*` is held only by what holds all it stands for. */
export function holds(list: readonly string[], name: string): boolean {
  return list.some((entry) => covers(entry, name));
}

/** The list of what all of the lists hold. One that is `undefined` does not narrow. */
export function narrow(list: readonly string[], ...further: (readonly string[] | undefined)[]): readonly string[] {
  let held = list;
  for (const other of further) if (other !== undefined) held = intersect(held, other);
  return held;
}

/** The same where any of the lists may be absent; `undefined` when all are. */
export function narrowAny(...lists: (readonly string[] | undefined)[]): readonly string[] | undefined {
  const [first, ...further] = lists.filter((list) => list !== undefined);
  return first && narrow(first, ...further);
}

/** Of two names one covers the other or they share nothing, so what two lists share are names that stand in them. */
function intersect(left: readonly string[], right: readonly string[]): readonly string[] {
  const shared = [...left.filter((name) => holds(right, name)), ...right.filter((name) => holds(left, name))];
  return [...new Set(shared)];
}

function covers(entry: string, name: string): boolean {
  return entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : entry === name;
}
