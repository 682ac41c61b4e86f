import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';
import { GATEWAY_METRICS, SERVICE_METRICS } from '../../src/telemetry/declarations.ts';

const folder = resolve(import.meta.dirname, '../../deploy/prometheus');

interface Rule {
  alert: string;
  expr: string;
  for: string;
  labels: { severity: string };
  annotations: { summary: string };
}

const rules = (
  parse(readFileSync(join(folder, 'alerts.yml'), 'utf8')) as { groups: { rules: Rule[] }[] }
).groups.flatMap((group) => group.rules);

const declared = [...Object.values(SERVICE_METRICS), ...Object.values(GATEWAY_METRICS)];

describe('alert rules', () => {
  test('cover a lost gateway, a lost store, an open breaker, server errors, a refused reload and a growing journal', () => {
    expect(rules.map((rule) => rule.alert)).toEqual([
      'GatewayDown',
      'GatewayStoreDown',
      'GatewayCircuitOpen',
      'GatewayServerErrors',
      'GatewayReloadFailed',
      'GatewayUsageJournalGrowing',
    ]);
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s asks only for metrics that exist', (_alert, rule) => {
    const names = rule.expr.match(/\bgateway_\w+/g) ?? [];
    const known = new Set<string>(declared.map((metric) => metric.name));
    expect(names.filter((name) => !known.has(name))).toEqual([]);
    expect(names.length > 0 || rule.expr.startsWith('up{')).toBe(true);
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))('%s shows only labels its metric has', (_alert, rule) => {
    const labels = new Set<string>(
      declared.filter((metric) => rule.expr.includes(metric.name)).flatMap((metric) => metric.labels),
    );
    const shown = [...rule.annotations.summary.matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label ?? '');
    expect(shown.filter((label) => label !== 'instance' && !labels.has(label))).toEqual([]);
  });

  test.each(rules.map((rule) => [rule.alert, rule] as const))(
    '%s waits before it fires and says how urgent it is',
    (_alert, rule) => {
      expect(rule.for).toMatch(/^\d+[sm]$/);
      expect(['page', 'ticket']).toContain(rule.labels.severity);
    },
  );
});

test.each(['prometheus.yml', 'prometheus.swarm.yml'])(
  '%s loads the alert rules and scrapes the job they ask for',
  (file) => {
    const config = parse(readFileSync(join(folder, file), 'utf8')) as {
      rule_files: string[];
      scrape_configs: { job_name: string; dns_sd_configs: { port: number }[] }[];
    };
    expect(config.rule_files).toEqual(['alerts.yml']);
    expect(config.scrape_configs.map((job) => [job.job_name, job.dns_sd_configs[0]?.port])).toEqual([
      ['turnpike', 9100],
    ]);
  },
);
