import { isFramingHeader } from '../edge/header-families.ts';
import { isHeaderValue } from '../lib/header-value.ts';

interface EditLines {
  readonly set: Readonly<Record<string, string>>;
  readonly add: Readonly<Record<string, string>>;
  readonly remove: readonly string[];
}

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

/** A route's own changes to a header block, compiled once. */
export class HeaderEdits {
  private readonly replaced: ReadonlySet<string>;
  private readonly appended: readonly string[];

  private constructor(replaced: ReadonlySet<string>, appended: readonly string[]) {
    this.replaced = replaced;
    this.appended = appended;
  }

  /**
   * `undefined` when nothing is to be changed. Throws an Error that names the entry when a name frames the message or
   * a value is not valid in a header line (RFC 9110 section 5.5).
   */
  static compile({ set, add, remove }: EditLines): HeaderEdits | undefined {
    const appended = [...Object.entries(set), ...Object.entries(add)];
    for (const name of [...remove, ...appended.map(([given]) => given)]) {
      if (!NAME.test(name) || isFramingHeader(name)) throw new Error(`header "${name}" cannot be edited`);
    }
    for (const [name, value] of appended) {
      if (!isHeaderValue(value)) throw new Error(`the value for header "${name}" holds a character no header may have`);
    }
    const replaced = new Set([...Object.keys(set), ...remove].map((name) => name.toLowerCase()));
    return replaced.size + appended.length === 0 ? undefined : new HeaderEdits(replaced, appended.flat());
  }

  /** Whether lines of this lower-case name are taken away. */
  replaces(name: string): boolean {
    return this.replaced.has(name);
  }

  /** The lines after the edits, in a new array. */
  apply(lines: readonly string[]): string[] {
    return [...withoutNames(lines, this.replaced), ...this.appended];
  }
}

/** The lines whose lower-case name is not among `names`. */
export function withoutNames(lines: readonly string[], names: { has(name: string): boolean }): string[] {
  const kept: string[] = [];
  for (let i = 0; i < lines.length; i += 2) {
    const name = lines[i] as string;
    if (!names.has(name.toLowerCase())) kept.push(name, lines[i + 1] as string);
  }
  return kept;
}
