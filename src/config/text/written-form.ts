import { formatDuration } from '../../lib/duration.ts';
import { formatSize } from '../../lib/size.ts';
import type { SchemaNode } from './normalize.ts';

/** A loaded value as one would write it in the file: `60s`, `16KiB`, `off`. Secrets stay `[redacted]`. */
export function writtenForm(node: SchemaNode, value: unknown): unknown {
  if (node['x-off'] && value === 0) return 'off';
  if (typeof value === 'number' && node['x-unit'] === 'duration') return formatDuration(value);
  if (typeof value === 'number' && node['x-unit'] === 'size') return formatSize(value);
  if (typeof value === 'number' && node['x-unit'] === 'instant') return new Date(value).toISOString();
  return value;
}

/** The default of a field as one would write it; `undefined` when it has none. */
export function writtenDefault(node: SchemaNode): unknown {
  return node.default === undefined ? undefined : writtenForm(node, node.default);
}
