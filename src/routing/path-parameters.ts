import type { EdgeRequest } from '../edge/edge-request.ts';
import type { Destination } from './destination.ts';
import type { RouteTable } from './route-table.ts';

const SUSPECT = /[;%]|\.(?:\/|$)/;
const ENCODED_SEMICOLON = /%(?:25)*3B/gi;
/** Characters that Windows drops from the end of a name. */
const SEGMENT_TAIL = /(?:\.|%(?:25)*20)+(?=\/|$)/g;
/** A segment of nothing but parameters goes with its slash: servers that cut the ones merge the others. */
const PARAMETERS = /\/;[^/]*(?=\/)|;[^/]*/g;

/**
 * True when a server that cuts parameters off path segments (`/files/private;v=1/x`, RFC 3986 section 3.3), before or
 * after it decodes them, or dots and spaces off their ends, would read the path of another destination than the one
 * that was found: then it is unclear which access rules apply. To the router these are ordinary characters, as
 * they are to most servers.
 */
export function isReadAsAnother(found: Destination, edge: EdgeRequest, table: RouteTable<Destination>): boolean {
  if (!SUSPECT.test(edge.path)) return false;
  const path = edge.path.replace(ENCODED_SEMICOLON, ';').replace(PARAMETERS, '').replace(SEGMENT_TAIL, '');
  if (path === edge.path) return false;
  const { method, host, headers } = edge;
  const other = table.find({ method, host, headers, path: path || '/' });
  return other.kind === 'found' && ownerOf(other.value) !== ownerOf(found);
}

/** What access rules belong to: two paths of one route share theirs. */
function ownerOf(destination: Destination): object {
  return destination.kind === 'route' ? destination.route : destination;
}
