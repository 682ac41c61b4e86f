/** Rules of `services.<name>.models` and of what targets say about models. The file has passed the schema. */

import { FASTEST } from '../../llm/schema.ts';
import { priceMistake } from '../../llm/prices/compile-price.ts';
import { OPERATION_KEYS } from '../../llm/operation-rows.ts';
import { closestWord } from '../../lib/closest-word.ts';
import { resolveAlias } from '../../lib/resolve-alias.ts';
import { holds } from '../../lib/wildcard-list.ts';
import type { Path } from '../config-error.ts';
import { type Checks, checkLimits } from './policy-checks.ts';
import type { ModelsFields, ServiceFields, TargetConfig } from '../schema.ts';

export function checkModels(service: ServiceFields, path: Path, checks: Checks): void {
  const { kind, models, targets = [] } = service;
  if (kind === 'http') return checkNoModels(service, path, checks);
  checkOperations(service.operations ?? [], [...path, 'operations'], checks);
  targets.forEach((target, i) => {
    if (kind === 'embeddings' && target.provider === 'anthropic')
      checks.fail([...path, 'targets', i, 'provider'], 'anthropic has no embeddings');
  });
  if (!models) return;
  new ModelChecks(models, path, checks).check(targets);
  checkAttempts(service, models, path, checks);
}

function checkAttempts({ retry }: ServiceFields, { entries }: ModelsFields, path: Path, { warn }: Checks): void {
  const hasFallbacks = Object.values(entries).some(({ fallbacks }) => fallbacks.length > 0);
  if (hasFallbacks && (retry === false || retry?.attempts === 1))
    warn([...path, 'retry'], 'leaves no attempt for the fallbacks of models: allow two or more');
}

function checkOperations(operations: readonly string[], path: Path, { fail }: Checks): void {
  const known = ['default', ...OPERATION_KEYS];
  operations.forEach((name, i) => {
    if (name.includes(' ')) {
      if (name.endsWith('*') && !name.endsWith('/*')) fail([...path, i], '* must be the whole last segment');
      return;
    }
    if (known.includes(name)) return;
    const near = closestWord(name, known);
    const hint = near === undefined ? `one of ${known.join(', ')}, or "POST /its/path"` : `did you mean "${near}"?`;
    fail([...path, i], `no operation is called "${name}": ${hint}`);
  });
}

function checkNoModels(
  { models, operations, unmetered, targets = [] }: ServiceFields,
  path: Path,
  { fail }: Checks,
): void {
  const message = 'has a meaning on llm and embeddings services only: write kind: llm';
  if (models) fail([...path, 'models'], message);
  if (operations) fail([...path, 'operations'], message);
  if (unmetered) fail([...path, 'unmetered'], message);
  targets.forEach((target, i) => {
    if (target.provider !== 'openai') fail([...path, 'targets', i, 'provider'], message);
    if (target.models.length > 0) fail([...path, 'targets', i, 'models'], message);
  });
}

class ModelChecks {
  private readonly models: ModelsFields;
  private readonly path: Path;
  private readonly service: Path;
  private readonly checks: Checks;
  private readonly entries: readonly string[];
  private readonly names: readonly string[];

  constructor(models: ModelsFields, service: Path, checks: Checks) {
    this.models = models;
    this.service = service;
    this.path = [...service, 'models'];
    this.checks = checks;
    this.entries = Object.keys(models.entries);
    this.names = [...this.entries, ...Object.keys(models.aliases)];
  }

  check(targets: readonly TargetConfig[]): void {
    this.checkAliases();
    this.checkDefaults();
    if (this.entries.length === 0) return;
    this.checkNamed(this.models.allow, ['allow']);
    for (const name of this.entries) this.checkEntry(name);
    this.checkTargets(targets);
  }

  private checkAliases(): void {
    const { aliases, entries } = this.models;
    for (const [alias, name] of Object.entries(aliases)) {
      const resolved = resolveAlias(aliases, alias);
      if (Object.hasOwn(entries, alias)) this.fail(['aliases', alias], 'is the name of an entry: drop one of the two');
      else if (resolved === undefined) this.fail(['aliases', alias], 'leads back to itself');
      else if (!this.isKnown(name)) this.fail(['aliases', alias], this.unknown(name));
    }
  }

  private checkDefaults(): void {
    const { default: name, default_by } = this.models;
    if (name === FASTEST && this.entries.length === 0)
      this.fail(['default'], 'fastest chooses among entries, and there are none');
    else if (name !== undefined && name !== FASTEST) this.checkDefault(name, ['default']);
    for (const [claim, byValue] of Object.entries(default_by))
      for (const [value, model] of Object.entries(byValue)) this.checkDefault(model, ['default_by', claim, value]);
  }

  private checkDefault(name: string, at: Path): void {
    if (!this.isKnown(name)) this.fail(at, this.unknown(name));
    else if (!this.isAllowed(name)) this.fail(at, `${name} is not one of allow`);
  }

  private checkEntry(name: string): void {
    const { price, unpriced, fallbacks, rate_limit } = this.models.entries[name] as ModelsFields['entries'][string];
    const at = ['entries', name];
    if (name === FASTEST) this.fail(at, 'is a word with a meaning of its own: give the model another name');
    if (price && unpriced) this.fail([...at, 'unpriced'], 'stands beside price: write one of them');
    const mistake = price && priceMistake(price);
    if (mistake !== undefined) this.fail([...at, 'price'], mistake);
    if (!price && !unpriced && this.isAllowed(name))
      this.fail(
        at,
        'has no price, and the price list has none: write price: { input_per_million: …, output_per_million: … }, or unpriced: free, cap or deny',
      );
    if (unpriced === 'cap' && !Object.values(this.models.entries).some((entry) => entry.price))
      this.fail([...at, 'unpriced'], 'cap takes the highest price of the entries, and none has one');
    fallbacks.forEach((fallback, i) => {
      if (!this.isKnown(fallback)) this.fail([...at, 'fallbacks', i], this.unknown(fallback));
      else if (this.resolve(fallback) === name) this.fail([...at, 'fallbacks', i], 'is the model itself');
    });
    checkLimits(rate_limit, [...this.path, ...at, 'rate_limit'], this.checks);
  }

  private checkTargets(targets: readonly TargetConfig[]): void {
    targets.forEach(({ models }, i) =>
      models.forEach((name, j) => {
        const isEntry = name.endsWith('*')
          ? this.entries.some((entry) => holds([name], entry))
          : this.entries.includes(name);
        if (!isEntry) this.checks.fail([...this.service, 'targets', i, 'models', j], this.unknown(name));
      }),
    );
    if (targets.length === 0 || targets.some(({ models }) => models.length === 0)) return;
    for (const name of this.entries)
      if (this.isAllowed(name) && !targets.some(({ models }) => holds(models, name)))
        this.fail(['entries', name], 'is served by no target: add it to targets[].models');
  }

  /** Each stands for something. */
  private checkNamed(list: readonly string[], at: Path): void {
    list.forEach((name, i) => {
      if (!this.names.some((known) => holds([name], known))) this.fail([...at, i], this.unknown(name));
    });
  }

  /** Without entries every name is one. */
  private isKnown(name: string): boolean {
    const resolved = this.resolve(name);
    return this.entries.length === 0 || resolved === undefined || this.entries.includes(resolved);
  }

  private isAllowed(name: string): boolean {
    const { allow, aliases } = this.models;
    const resolved = this.resolve(name);
    const names = [resolved ?? name, ...Object.keys(aliases).filter((alias) => this.resolve(alias) === resolved)];
    return allow.length === 0 || names.some((each) => holds(allow, each));
  }

  private resolve(name: string): string | undefined {
    return resolveAlias(this.models.aliases, name);
  }

  private unknown(name: string): string {
    const near = closestWord(name, this.names.slice(0, 1_000));
    return `no model is called "${name}"${near === undefined ? '' : `, did you mean "${near}"?`}`;
  }

  private fail(at: Path, message: string): void {
    this.checks.fail([...this.path, ...at], message);
  }
}
