import type { EdgeRequest } from '../edge/edge-request.ts';
import type { Destination } from './destination.ts';
import type { RouteTable } from './route-table.ts';

/** A segment of nothing but parameters goes with its slash: servers that cut the ones merge the others. */
const PARAMETERS = /\/;[^/]*(?=\/)|;[^/]*/g;

/**
 * True when a server that cuts parameters off path segments (`/files/private;v=1/x`, RFC 3986 section 3.3) would read
 * the path of another destination than the one that was found: then nobody can tell whose access rules are meant.
 * `;` is an ordinary character to the router, as it is to most servers.
 */
export function isReadAsAnother(found: Destination, edge: EdgeRequest, table: RouteTable<Destination>): boolean {
  if (!edge.path.includes(';')) return false;
  const { method, host, headers } = edge;
  const other = table.find({ method, host, headers, path: edge.path.replace(PARAMETERS, '') });
  return other.kind === 'found' && ownerOf(other.value) !== ownerOf(found);
}

/** What access rules belong to: two paths of one route share theirs. */
function ownerOf(destination: Destination): object {
  return destination.kind === 'route' ? destination.route : destination;
}
