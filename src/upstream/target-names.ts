/**
 * A name for each address of a service, for metrics, logs and administration: `host:port`, and `host:port~2` for the second
 * address there. Several may differ in path, key or models only.
 */
export function nameTargets(addresses: readonly URL[]): string[] {
  const taken = new Map<string, number>();
  return addresses.map(({ hostname, port, protocol }) => {
    const name = `${hostname}:${port || (protocol === 'https:' ? '443' : '80')}`;
    const place = (taken.get(name) ?? 0) + 1;
    taken.set(name, place);
    return place === 1 ? name : `${name}~${place}`;
  });
}
