import { hasLongName } from '../lib/long-names.ts';

/** A JSON object somebody else wrote: any field may be missing or of another type. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object at this place, or an empty one. */
export function objectAt(parent: JsonObject, key: string): JsonObject {
  const value = parent[key];
  return isObject(value) ? value : {};
}

/** The objects of the list at this place; none when it is no list. */
export function objectsAt(parent: JsonObject, key: string): readonly JsonObject[] {
  const value = parent[key];
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** The text at this place, or an empty one. */
export function textAt(parent: JsonObject, key: string): string {
  const value = parent[key];
  return typeof value === 'string' ? value : '';
}

/** The number at this place, or 0. */
export function countAt(parent: JsonObject, key: string): number {
  const value = parent[key];
  return typeof value === 'number' && value > 0 ? value : 0;
}

/** `undefined` for anything that is not the text of a JSON object. */
export function parseObject(text: string): JsonObject | undefined {
  const value = parseJson(text);
  return isObject(value) ? value : undefined;
}

/** `undefined` for anything that is not JSON, or has names of a length that takes long to read. */
export function parseJson(text: string): unknown {
  if (hasLongName(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The number at this place, if there is one. */
export function numberAt(parent: JsonObject, key: string): number | undefined {
  const value = parent[key];
  return typeof value === 'number' ? value : undefined;
}

export function toBytes(value: object): Buffer {
  return Buffer.from(JSON.stringify(value));
}
