import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';

const root = resolve(import.meta.dirname, '../..');
const entry = join(root, 'bin/turnpike.js');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  private?: boolean;
  engines: { node: string };
  files: string[];
  scripts: Record<string, string>;
};

/** Runs the entry as if this were another Node; the message of a refusal, or '' when it went on to load the build. */
async function refusalBy(version: string): Promise<string> {
  const pretend = `Object.defineProperty(process,'versions',{value:{...process.versions,node:'${version}'}})`;
  const preload = `data:text/javascript,${encodeURIComponent(pretend)}`;
  const failure = await promisify(execFile)(process.execPath, ['--import', preload, entry, '--version']).then(
    () => '',
    (error: { stderr: string }) => error.stderr,
  );
  return failure.startsWith('Turnpike needs Node') ? failure : '';
}

test('the package can be published, and packing builds it', () => {
  expect(manifest.private).toBeUndefined();
  expect(manifest.scripts['prepack']).toBe('npm run build');
  expect(manifest.files).toEqual(expect.arrayContaining(['bin', 'dist']));
});

test('the entry accepts the same Node versions as engines', async () => {
  expect(manifest.engines.node).toBe('^24.15 || >=26');
  const versions = ['18.20.0', '20.20.2', '24.14.9', '25.1.0', '24.15.0', '26.0.0', '27.1.0'];
  const refused = await Promise.all(versions.map(refusalBy));
  expect(versions.filter((_, at) => refused[at] !== '')).toEqual(['18.20.0', '20.20.2', '24.14.9', '25.1.0']);
  expect(refused[0]).toContain('npx -p node@26 -p turnpike turnpike --version');
});
