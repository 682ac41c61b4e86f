// The chart, linted and rendered by Helm's own code, each manifest decoded strictly by Kubernetes' own types; and the
// archive that is deployed to AWS Lambda.
import { execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parseAllDocuments } from 'yaml';
import { findExecutable } from '../support/executable.ts';
import { makeTempDir, removeTempDir } from '../support/temp-dir.ts';
import { runTurnpike } from '../support/turnpike-command.ts';

const root = resolve(import.meta.dirname, '../..');
const chart = join(root, 'deploy/helm/turnpike');
const run = promisify(execFile);
const go = findExecutable('go');
let folder: string;
let program: string;

interface Manifest {
  kind: string;
  metadata: { name: string };
  data?: Record<string, string>;
  spec?: { replicas?: number; template?: { spec: { containers: object[] } } };
}

beforeAll(async () => {
  folder = makeTempDir('chart');
  program = join(folder, 'render');
  if (go !== undefined) await run(go, ['build', '-o', program, '.'], { cwd: join(import.meta.dirname, 'helm-go') });
}, 900_000);
afterAll(() => removeTempDir(folder));

async function render(values = ''): Promise<{ text: string; manifests: Manifest[] }> {
  const file = join(folder, 'values.yaml');
  writeFileSync(file, values);
  const { stdout: text } = await run(program, [chart, 'turnpike', ...(values === '' ? [] : [file])]);
  return { text, manifests: parseAllDocuments(text).map((document) => document.toJS() as Manifest) };
}

const kindsOf = (manifests: readonly Manifest[]): string[] => manifests.map(({ kind }) => kind).sort();

(go === undefined ? describe.skip : describe)('the chart', () => {
  test('installs one replica on SQLite by default, with a configuration that the gateway accepts', async () => {
    const { manifests } = await render();
    expect(kindsOf(manifests)).toEqual([
      'ConfigMap',
      'PodDisruptionBudget',
      'Service',
      'Service',
      'ServiceAccount',
      'StatefulSet',
    ]);
    const config = manifests.find(({ kind }) => kind === 'ConfigMap')?.data?.['gateway_config.yaml'] ?? '';
    writeFileSync(join(folder, 'gateway_config.yaml'), config);
    expect(await runTurnpike(['validate'], folder)).toMatchObject({ exit: 0 });
  });

  test('installs a fleet with everything switched on', async () => {
    const { manifests, text } = await render(`
persistence: { enabled: false }
autoscaling: { enabled: true }
tls: { existingSecret: cert }
secretFiles: [{ name: openai, secretName: openai }]
env: [{ name: SIGNUP, value: 'off' }]
ingress: { enabled: true, className: nginx, hosts: [{ host: api.example.com }] }
metrics: { serviceMonitor: { enabled: true }, prometheusRule: { enabled: true } }
networkPolicy: { enabled: true, metricsFrom: [{ namespaceSelector: { matchLabels: { name: monitoring } } }] }
`);
    expect(kindsOf(manifests)).toEqual([
      'ConfigMap',
      'Deployment',
      'HorizontalPodAutoscaler',
      'Ingress',
      'NetworkPolicy',
      'PodDisruptionBudget',
      'PrometheusRule',
      'Service',
      'Service',
      'ServiceAccount',
      'ServiceMonitor',
    ]);
    expect(text).toContain('scheme: HTTPS');
    expect(text).toContain('GatewayDown');
    expect(text).toContain('/etc/turnpike-tls/tls.crt');
  });

  test.each([
    ['several replicas on SQLite', 'replicaCount: 3'],
    ['a key it does not know', 'replicaCounts: 3'],
    ['a shutdown that is too short', 'terminationGracePeriodSeconds: 5'],
    ['no secret', 'existingSecret: ""'],
  ])('refuses %s', async (_what, values) => {
    await expect(render(values)).rejects.toMatchObject({ code: 1 });
  });

  test('deploy/k8s-deployment.yaml is what the chart renders', async () => {
    const { text } = await render();
    const committed = readFileSync(join(root, 'deploy/k8s-deployment.yaml'), 'utf8');
    expect(committed.slice(committed.indexOf('---\n'))).toBe(text);
  });
});

const python = findExecutable('python3');
(python === undefined ? test.skip : test)(
  'the Lambda archive holds the entry, the configuration and a package that loads',
  async () => {
    const archive = join(folder, 'function.zip');
    const args = ['deploy/aws/lambda-deploy.py', '--role', 'arn:aws:iam::1:role/l', '--dry-run', '--output', archive];
    const env = {
      // npm may be told its registry there.
      ...process.env,
      MASTER_KEY: 'mk_very-secret-1',
      SECRET_KEY: 'very-secret-2',
    };
    const { stdout } = await run(python ?? '', args, { cwd: root, env });
    expect(stdout).toContain('create-function');
    expect(stdout).not.toContain('very-secret');
    const task = join(folder, 'task');
    await run(python ?? '', ['-m', 'zipfile', '-e', archive, task]);
    const { stdout: loaded } = await run(
      process.execPath,
      ['--input-type=module', '-e', `const m = await import('${task}/index.mjs'); console.log(typeof m.handler)`],
      { cwd: task, env },
    );
    expect(loaded.trim()).toBe('function');
  },
);
