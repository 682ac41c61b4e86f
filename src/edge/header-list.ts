/**
 * The header lines of a message exactly as they came, with their lower-cased names beside them. Order, case and
 * duplicates are kept; lookups scan, which for the dozen lines of a real request is faster than building a map.
 */
export class HeaderList {
  /** name, value, name, value … as received. */
  readonly raw: readonly string[];
  /** One lower-cased name per line; line i is `raw[2 * i]`, `raw[2 * i + 1]`. */
  readonly names: readonly string[];

  constructor(raw: readonly string[], names: readonly string[]) {
    this.raw = raw;
    this.names = names;
  }

  /** Lower-cases every name of a flat name/value array. */
  static from(raw: readonly string[]): HeaderList {
    const names: string[] = [];
    for (let i = 0; i < raw.length; i += 2) names.push((raw[i] as string).toLowerCase());
    return new HeaderList(raw, names);
  }

  /** The value of the first line with this lower-case name. */
  get(name: string): string | undefined {
    const index = this.names.indexOf(name);
    return index === -1 ? undefined : this.raw[2 * index + 1];
  }

  /** All values with this lower-case name, in order. */
  all(name: string): string[] {
    const values: string[] = [];
    for (let i = 0; i < this.names.length; i++) if (this.names[i] === name) values.push(this.raw[2 * i + 1] as string);
    return values;
  }

  has(name: string): boolean {
    return this.names.includes(name);
  }
}
