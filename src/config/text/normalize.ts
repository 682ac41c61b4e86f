import { isAbsolute, resolve } from 'node:path';
import type { TSchema } from '../../lib/schema-builder.ts';
import { parseDuration } from '../../lib/duration.ts';
import { parseInstant } from '../../lib/instant.ts';
import type { AtomUnit, AtomWords } from '../../lib/schema-atoms.ts';
import { Secret } from '../../lib/secret.ts';
import { parseSize } from '../../lib/size.ts';
import { type PolicyKey, SHORTHANDS } from '../../policies/schemas.ts';
import type { Path } from '../config-error.ts';
import { Interpolated } from './document.ts';

/** The part of JSON Schema that configuration schemas are written in. */
export interface SchemaNode extends AtomWords {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly (string | number)[];
  readonly minLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  readonly pattern?: string;
  readonly format?: string;
  readonly required?: readonly string[];
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly patternProperties?: Readonly<Record<string, SchemaNode>>;
  readonly items?: SchemaNode;
}

/** Schemas are built by typebox, which keeps their words out of its types. */
export function asNode(schema: TSchema): SchemaNode {
  return schema as SchemaNode;
}

export interface NormalizeContext {
  /** What `FilePath` values are relative to. */
  readonly folder: string;
  /** Window of the short `rate_limit` form, as written. */
  readonly rateWindow: unknown;
  readonly report: (path: Path, message: string) => void;
  readonly warn: (path: Path, message: string) => void;
}

/** A value in long form, ready for the validator, and what has to be put back behind it. */
export interface Normalized {
  readonly value: unknown;
  /** Puts every `false` back that switched a section off: the validator knows sections only. */
  readonly restore: () => void;
}

const LOOKS_SECRET = /^(Bearer\s+)?(sk-|sk_(live|test|dev)_|ghp_|github_pat_|xox[abp]-|AKIA|eyJ)[A-Za-z0-9._-]{12,}/;
/** Rules of access and limits, for which nothing must not mean "off". */
const GUARDED: ReadonlySet<string> = new Set<PolicyKey>(['ip', 'authorize', 'rate_limit', 'budget', 'concurrency']);
const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;

/**
 * Turns written values into loaded ones along the schema: fills in short forms, reads durations, sizes, instants and
 * secrets, reads interpolated text again where a number, boolean or list is wanted, and drops `null`. What it cannot
 * read stays as it is, for the validator to name.
 */
export function normalize(schema: SchemaNode, written: unknown, context: NormalizeContext): Normalized {
  const walker = new Walker(context);
  const value = walker.value(schema, written, []);
  return { value, restore: () => walker.restore() };
}

class Walker {
  private readonly context: NormalizeContext;
  /** How many sections around the present value must not vanish. */
  private guards = 0;
  private readonly switchedOff: [Record<string, unknown>, string][] = [];

  constructor(context: NormalizeContext) {
    this.context = context;
  }

  restore(): void {
    for (const [holder, key] of this.switchedOff) holder[key] = false;
  }

  value(schema: SchemaNode, written: unknown, path: Path): unknown {
    const isGuarded = GUARDED.has(schema['x-policy'] ?? '');
    if (isGuarded) this.guards += 1;
    const value = this.read(schema, written, path);
    if (isGuarded) this.guards -= 1;
    return value;
  }

  private read(schema: SchemaNode, written: unknown, path: Path): unknown {
    const read = written instanceof Interpolated ? reread(schema, written) : written;
    if (this.guards > 0 && written instanceof Interpolated && isNothing(read)) return this.refuseEmpty(written, path);
    const value = this.expand(schema, read, path);
    if (value === undefined || (value === false && schema['x-switchable'])) return value;
    const unit = schema['x-unit'];
    if (unit === 'secret') return this.secret(value, written, path);
    if (unit !== undefined) return this.atom(unit, schema, value, path);
    if (Array.isArray(value)) return this.list(schema, value, path);
    if (isRecord(value)) return this.record(schema, value, path);
    if (typeof value === 'boolean' && schema.enum?.includes('off')) return value ? 'on' : 'off';
    if (typeof value === 'string' && value === written) this.warnOfSecret(value, path);
    return value;
  }

  /** Who writes a rule means it: an empty variable would take it away without a word. */
  private refuseEmpty({ asked }: Interpolated, path: Path): undefined {
    const names = asked.map((name) => `\${${name}}`).join(', ');
    this.context.report(
      path,
      `${names} is empty, and an empty value would take this rule or a part of it away: set it, or remove the key`,
    );
  }

  private expand(schema: SchemaNode, value: unknown, path: Path): unknown {
    const shorthand = schema['x-policy'] === undefined ? undefined : SHORTHANDS[schema['x-policy'] as PolicyKey];
    if (shorthand && typeof value === 'string' && NUMBER.test(value) && asNode(shorthand.schema).type === 'integer') {
      this.context.report(path, 'is text: write the number without quotes');
      return undefined;
    }
    return shorthand?.matches(value) ? shorthand.expand(value, this.context.rateWindow) : value;
  }

  private record(schema: SchemaNode, value: Record<string, unknown>, path: Path): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const names = Object.values(schema.patternProperties ?? {})[0];
    for (const [key, written] of Object.entries(value)) {
      const below = schema.properties && Object.hasOwn(schema.properties, key) ? schema.properties[key] : names;
      // `service:` with nothing behind it is an empty section, everywhere else nothing means not written.
      const item = written === null && names?.properties ? {} : written;
      if (item === null) continue;
      const loaded = this.value(below ?? {}, item, [...path, key]);
      if (loaded === false && below?.['x-switchable']) this.switchedOff.push([result, key]);
      else if (loaded !== undefined) result[key] = loaded;
    }
    return result;
  }

  private list(schema: SchemaNode, value: readonly unknown[], path: Path): unknown[] {
    return value.map((item, i) => this.value(schema.items ?? {}, item, [...path, i]));
  }

  private atom(unit: Exclude<AtomUnit, 'secret'>, schema: SchemaNode, value: unknown, path: Path): unknown {
    if (schema['x-off'] && (value === 'off' || value === false)) return 0;
    switch (unit) {
      case 'duration':
        return parseDuration(value) ?? value;
      case 'size':
        return parseSize(value) ?? value;
      case 'instant':
        return parseInstant(value) ?? value;
      case 'list':
        return this.list(schema, Array.isArray(value) ? value : [value], path);
      case 'path':
        return typeof value === 'string' && !isAbsolute(value) ? resolve(this.context.folder, value) : value;
    }
  }

  private secret(value: unknown, written: unknown, path: Path): unknown {
    if (typeof value !== 'string') this.context.report(path, 'must be text: put it in quotes');
    else if (value === '') this.context.report(path, 'must not be empty');
    else {
      if (!(written instanceof Interpolated)) this.context.warn(path, 'a secret stands in the file: write ${NAME}');
      return new Secret(value);
    }
    return undefined;
  }

  private warnOfSecret(value: string, path: Path): void {
    if (LOOKS_SECRET.test(value)) this.context.warn(path, 'this looks like a secret: write ${NAME}');
  }
}

/**
 * What interpolated text means where this schema stands; only text that was exactly one `${…}` is anything but text.
 * Empty text counts as not written, an empty list excepted.
 */
function reread(schema: SchemaNode, { text, isWhole }: Interpolated): unknown {
  if (!isWhole) return text;
  if (schema.type === 'array' || (isListShorthand(schema) && text !== 'false')) return readList(text, schema.items);
  if (text === '') return undefined;
  if (schema['x-policy'] !== undefined || wantsOwnType(schema)) return readScalar(text);
  return text;
}

/** Read from a variable that holds nothing, or nothing but commas. */
function isNothing(read: unknown): boolean {
  return read === undefined || (Array.isArray(read) && read.length === 0);
}

function wantsOwnType(schema: SchemaNode): boolean {
  const isPlainNumber = (schema.type === 'number' || schema.type === 'integer') && schema['x-unit'] === undefined;
  return isPlainNumber || schema.type === 'boolean' || schema.enum?.some((word) => typeof word === 'number') === true;
}

function isListShorthand(schema: SchemaNode): boolean {
  const shorthand = schema['x-policy'] === undefined ? undefined : SHORTHANDS[schema['x-policy'] as PolicyKey];
  return shorthand !== undefined && asNode(shorthand.schema).type === 'array';
}

function readScalar(text: string): unknown {
  if (NUMBER.test(text)) return Number(text);
  const word = text.toLowerCase();
  return word === 'true' || word === 'false' ? word === 'true' : text;
}

/** A JSON list, or items between commas. */
function readList(text: string, items: SchemaNode | undefined): unknown {
  if (text.trim().startsWith('[')) {
    try {
      return JSON.parse(text);
    } catch {
      return text;
    }
  }
  const parts = text.split(',').map((part) => part.trim());
  const written = parts.filter((part) => part !== '');
  return items && wantsOwnType(items) ? written.map(readScalar) : written;
}

export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Interpolated);
}
