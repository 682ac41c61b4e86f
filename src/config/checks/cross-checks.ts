/** Rules between fields, which no single field's schema can hold. The file has passed the schema. */

import { isFramingHeader } from '../../edge/header-families.ts';
import { isHeaderValue } from '../../lib/header-value.ts';
import type { Path } from '../config-error.ts';
import { checkModels } from './model-checks.ts';
import { namedServices, servicesWithStandardPaths } from '../implied-routes.ts';
import { RESERVED_NAMES } from '../own-paths.ts';
import { checkBudgets, type Checks, checkLimits, checkNothingOfModels, checkPolicies } from './policy-checks.ts';
import { checkRoutes } from './route-checks.ts';
import type { ConfigFile, ServiceFields, TargetConfig } from '../schema.ts';
import { tierMistake } from './tier-names.ts';

export function crossCheck(file: ConfigFile, checks: Checks): void {
  checkSettings(file, checks);
  checkPolicies(file.defaults, ['defaults'], checks);
  const named = namedServices(file);
  for (const [name, service] of Object.entries(file.services)) checkService(name, service, named.has(name), checks);
  checkStandardPaths(file, checks);
  checkRoutes(file, checks);
  checkTiers(file, checks);
  checkConsumers(file, checks);
}

function checkSettings({ settings, tiers }: ConfigFile, { fail, warn }: Checks): void {
  checkLimits(settings.rate_limit, ['settings', 'rate_limit'], { fail });
  checkBudgets(settings.budget, ['settings', 'budget'], { fail });
  const unknown = tierMistake(settings.accounts.default_tier, tiers);
  if (unknown !== undefined) fail(['settings', 'accounts', 'default_tier'], unknown);
  if (settings.accounts.signup === 'open')
    warn(['settings', 'accounts', 'signup'], 'anybody who reaches the gateway can make an account');
  const { listen, admin, metrics } = settings;
  const ports = new Map([[listen.port, 'settings.listen.port']]);
  const others = [
    [admin.listen?.port, ['settings', 'admin', 'listen', 'port']],
    [metrics.port, ['settings', 'metrics', 'port']],
  ] as const;
  for (const [port, path] of others) {
    if (port === undefined || port === 0) continue;
    const taken = ports.get(port);
    if (taken === undefined) ports.set(port, path.join('.'));
    else fail(path, `is the same port as ${taken}`);
  }
}

function checkService(name: string, service: ServiceFields, isNamed: boolean, checks: Checks): void {
  const path = ['services', name];
  const { fail, warn } = checks;
  if (RESERVED_NAMES.has(name)) fail(path, `"/${name}" belongs to the gateway: give the service another name`);
  if (service.url === undefined && service.targets === undefined) fail(path, 'needs url or targets');
  if (service.url !== undefined && service.targets !== undefined)
    fail([...path, 'url'], 'stands beside targets: write one of them');
  checkTargets(service.targets ?? [], [...path, 'targets'], checks);
  checkModels(service, path, checks);
  checkPolicies(service, path, checks);
  if (service.kind === 'http') checkNothingOfModels(service, path, checks);
  if (service.enabled && service.default_routes === false && !isNamed) warn(path, 'no route leads to this service');
}

function checkTargets(targets: readonly TargetConfig[], path: Path, { fail }: Checks): void {
  const seen = new Set<string>();
  targets.forEach((target, i) => {
    const { href, protocol } = new URL(target.url);
    const { tls, api_key: key, provider, models } = target;
    // Several keys of one account, or other models behind the same address, are targets of their own.
    const identity = JSON.stringify([href, key?.reveal(), provider, models]);
    if (seen.has(identity)) fail([...path, i, 'url'], 'stands in the list twice: use weight');
    seen.add(identity);
    if (target.api_key_header !== undefined && !target.api_key)
      fail([...path, i, 'api_key_header'], 'has no meaning without api_key');
    if (key && !isHeaderValue(key.reveal()))
      fail([...path, i, 'api_key'], 'holds a character no header may have, such as a line end');
    if (target.api_key_header !== undefined && isFramingHeader(target.api_key_header))
      fail([...path, i, 'api_key_header'], 'belongs to the connection: name another header');
    if (!tls) return;
    if (protocol === 'http:') fail([...path, i, 'tls'], 'has no meaning for an http:// address');
    if ((tls.cert === undefined) !== (tls.key === undefined))
      fail([...path, i, 'tls'], 'needs both cert and key, or neither');
  });
}

function checkStandardPaths(file: ConfigFile, { fail }: Checks): void {
  for (const kind of ['llm', 'embeddings'] as const) {
    const names = servicesWithStandardPaths(file, kind);
    if (names.length < 2) continue;
    const list = names.map((name) => `"${name}"`).join(' and ');
    fail(
      ['services', names[1] as string],
      `the services ${list} would both answer the /v1 paths of kind ${kind}: write routes for them`,
    );
  }
}

function checkTiers({ tiers }: ConfigFile, { fail }: Checks): void {
  for (const [name, tier] of Object.entries(tiers)) {
    checkLimits(tier.rate_limit, ['tiers', name, 'rate_limit'], { fail });
    checkBudgets(tier.budget, ['tiers', name, 'budget'], { fail });
  }
}

function checkConsumers({ consumers, tiers }: ConfigFile, { fail }: Checks): void {
  const ids = new Set<string>();
  const keys = new Set<string>();
  consumers.forEach((consumer, i) => {
    const path = ['consumers', i];
    if (ids.has(consumer.id)) fail([...path, 'id'], 'another consumer has this id');
    ids.add(consumer.id);
    const unknown = tierMistake(consumer.tier, tiers);
    if (unknown !== undefined) fail([...path, 'tier'], unknown);
    checkLimits(consumer.rate_limit, [...path, 'rate_limit'], { fail });
    checkBudgets(consumer.budget, [...path, 'budget'], { fail });
    consumer.keys.forEach((key, j) => {
      const at = [...path, 'keys', j];
      checkLimits(key.rate_limit, [...at, 'rate_limit'], { fail });
      checkBudgets(key.budget, [...at, 'budget'], { fail });
      for (const field of ['hash', 'id'] as const) {
        const value = key[field]?.toLowerCase();
        if (value === undefined) continue;
        if (keys.has(`${field} ${value}`)) fail([...at, field], `another key has this ${field}`);
        keys.add(`${field} ${value}`);
      }
    });
  });
}
