import { type TProperties, type TSchema, type TUnsafe, Type } from './schema-builder.ts';
import { parseDuration } from './duration.ts';
import { HEADER_VALUE } from './header-value.ts';
import type { Secret } from './secret.ts';
import { parseSize } from './size.ts';

/**
 * How a written value becomes the loaded one: `duration` milliseconds, `size` bytes, `instant` epoch milliseconds,
 * `secret` a `Secret`, `list` an array that may also be written as one item, `path` an absolute path.
 */
export type AtomUnit = 'duration' | 'size' | 'instant' | 'secret' | 'list' | 'path';

/** Keywords that this project adds to JSON Schema. The loader acts on them; the validator only tolerates them. */
export interface AtomWords {
  readonly 'x-unit'?: AtomUnit;
  /** `off` (or `false`) may be written and loads as 0. */
  readonly 'x-off'?: boolean;
  /** `false` may be written instead of the section and is kept as `false`. */
  readonly 'x-switchable'?: boolean;
  /** The policy whose shorthand may be written here. */
  readonly 'x-policy'?: string;
  /** Describes in words what a `pattern` requires; completes "must be". */
  readonly 'x-form'?: string;
}

export const ATOM_WORDS = ['x-unit', 'x-off', 'x-switchable', 'x-policy', 'x-form'] as const;

interface QuantityOptions {
  readonly description: string;
  /** Written forms, `30s` or `64KiB`. */
  readonly default?: string;
  readonly minimum?: string;
  readonly maximum?: string;
}

function quantity(unit: 'duration' | 'size', options: QuantityOptions, parse: (text: string) => number | undefined) {
  const bounds = Object.entries(options).filter(([key]) => key !== 'description');
  const parsed = bounds.map(([key, text]) => [key, parse(text)] as const);
  return { description: options.description, minimum: 0, ...Object.fromEntries(parsed), 'x-unit': unit };
}

/** A duration: milliseconds once loaded. */
export function Duration(options: QuantityOptions) {
  return Type.Number(quantity('duration', options, parseDuration));
}

/** A duration that may be `off`: milliseconds once loaded, 0 when off. */
export function DurationOrOff(options: QuantityOptions) {
  const words = quantity('duration', options, (text) => (text === 'off' ? 0 : parseDuration(text)));
  return Type.Number({ ...words, minimum: 0, 'x-off': true });
}

/** A size: bytes once loaded. */
export function Size(options: QuantityOptions) {
  return Type.Number(quantity('size', options, parseSize));
}

/** A size that may be `off`, which is 0 once loaded. */
export function SizeOrOff(options: QuantityOptions) {
  const words = quantity('size', options, (text) => (text === 'off' ? 0 : parseSize(text)));
  return Type.Number({ ...words, minimum: 0, 'x-off': true });
}

/** A date or a date with time and offset: epoch milliseconds once loaded. */
export function Instant(options: { description: string }) {
  return Type.Number({ ...options, 'x-unit': 'instant' });
}

/** A credential: a `Secret` once loaded. */
export function SecretText(options: { description: string }): TUnsafe<Secret> {
  return Type.Unsafe<Secret>({ type: 'string', minLength: 1, ...options, 'x-unit': 'secret' });
}

/** A file path, relative to the configuration file when it is not absolute: absolute once loaded. */
export function FilePath(options: { description: string }) {
  return Type.String({ minLength: 1, ...options, 'x-unit': 'path' });
}

/** RFC 9110 section 5.6.2. */
const TOKEN = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";

/** The name of a header field. */
export function HeaderName(options: { description?: string; default?: string } = {}) {
  return Type.String({ pattern: TOKEN, maxLength: 256, 'x-form': 'the name of a header', ...options });
}

/** The value of a header field. */
export function HeaderValue(options: { description?: string; minLength?: number } = {}) {
  return Type.String({
    pattern: HEADER_VALUE,
    'x-form': 'text a header may hold, on one line and in Latin-1',
    ...options,
  });
}

/** A request method. Methods are case-sensitive, and those in use are written in capital letters. */
export function Method() {
  return Type.String({ pattern: '^[A-Z][A-Z-]*$', 'x-form': 'a method in capital letters' });
}

/** An IP address, a CIDR range, or one of the words `loopback` and `private`. */
export function AddressRange() {
  return Type.String({ format: 'address-range' });
}

/** `resource:action`, with `*` at the end for any rest. */
export function Permission() {
  return Type.String({
    pattern: '^([A-Za-z0-9_.:-]{1,100}|[A-Za-z0-9_.:-]{0,100}\\*)$',
    'x-form': 'a permission such as chat:write, chat:* or *',
  });
}

/** The name of a model as its provider writes it, with `*` at the end for any rest. */
export function ModelName() {
  return Type.String({
    pattern: '^([A-Za-z0-9_.:/@-]{1,200}|[A-Za-z0-9_.:/@-]{0,200}\\*)$',
    'x-form': 'the name of a model such as gpt-4o-mini, or gpt-* for all that begin so',
  });
}

/** A list that may also be written as its single item. */
export function OneOrMany<S extends TSchema>(
  items: S,
  options: { description: string; default?: unknown[]; minItems?: number; maxItems?: number },
) {
  return Type.Array(items, { ...options, uniqueItems: true, 'x-unit': 'list' });
}

/** An object that knows exactly these keys: any other is an error. */
export function Section<P extends TProperties>(properties: P, options: { description: string; default?: object }) {
  return Type.Object(properties, { additionalProperties: false, ...options });
}
