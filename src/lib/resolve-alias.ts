/** What a name stands for in the end, aliases of aliases followed; `undefined` when they lead back to where they began. */
export function resolveAlias(aliases: Readonly<Record<string, string>>, asked: string): string | undefined {
  const seen = new Set<string>();
  let name = asked;
  while (Object.hasOwn(aliases, name)) {
    if (seen.has(name)) return undefined;
    seen.add(name);
    name = aliases[name] as string;
  }
  return name;
}
