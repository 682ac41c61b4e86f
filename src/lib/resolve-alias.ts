/** The name at the end of a chain of aliases; `undefined` if the chain is a circle. */
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
