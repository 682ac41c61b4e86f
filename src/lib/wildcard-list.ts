/**
 * Lists of names in which a `*` at the end of a name matches any rest: `embed:*` holds `embed:read`, `*` holds
 * everything, and an empty list holds nothing. Permissions and models are such lists. A `:` has no special meaning
 * here.
 */

/** True if the list holds the name. A name that ends in `*` is held only if everything it matches is held. */
export function holds(list: readonly string[], name: string): boolean {
  return list.some((entry) => covers(entry, name));
}

/** The intersection of the lists. A list that is `undefined` does not narrow it. */
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

/** Two names either cover each other or share nothing, so the intersection of two lists consists of their own names. */
function intersect(left: readonly string[], right: readonly string[]): readonly string[] {
  const shared = [...left.filter((name) => holds(right, name)), ...right.filter((name) => holds(left, name))];
  return [...new Set(shared)];
}

function covers(entry: string, name: string): boolean {
  return entry.endsWith('*') ? name.startsWith(entry.slice(0, -1)) : entry === name;
}
