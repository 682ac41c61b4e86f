import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { until } from '../../tests/support/poll.ts';
import { entriesOnTheWay } from './file-chain.ts';
import { FileFollower } from './file-follower.ts';

let folder: string;
let changes: number;
let warnings: unknown[];
let follower: FileFollower;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'turnpike-follower-'));
  [changes, warnings] = [0, []];
});
afterEach(() => {
  follower.stop();
  rmSync(folder, { recursive: true, force: true });
});

const at = (path: string): string => join(folder, path);
const write = (path: string, text: string): void => writeFileSync(at(path), text);
const make = (...paths: string[]): void => paths.forEach((path) => mkdirSync(at(path), { recursive: true }));
/** As `ln -sfn` does: the link is replaced, never absent. */
const link = (path: string, target: string): void => {
  symlinkSync(target, `${at(path)}.new`);
  renameSync(`${at(path)}.new`, at(path));
};

interface Layout {
  readonly file: string;
  readonly build: () => void;
  /** Gives the file other content; called with 1, then 2. */
  readonly change: (n: number) => void;
}

const LAYOUTS: Readonly<Record<string, Layout>> = {
  'a plain file, written in place': { file: 'gw', build: () => write('gw', '0'), change: (n) => write('gw', `${n}`) },
  'a plain file, replaced by a rename': {
    file: 'gw',
    build: () => write('gw', '0'),
    change: (n) => {
      write('gw.tmp', `${n}`);
      renameSync(at('gw.tmp'), at('gw'));
    },
  },
  'a plain file, deleted and created': {
    file: 'gw',
    build: () => write('gw', '0'),
    change: (n) => {
      rmSync(at('gw'));
      write('gw', `${n}`);
    },
  },
  'a Kubernetes volume: the link beside the file is exchanged': {
    file: 'gw',
    build: () => {
      make('..0');
      write('..0/gw', '0');
      link('..data', '..0');
      link('gw', '..data/gw');
    },
    change: (n) => {
      make(`..${n}`);
      write(`..${n}/gw`, `${n}`);
      link('..data', `..${n}`);
      rmSync(at(`..${n - 1}`), { recursive: true });
    },
  },
  'a file behind a link to its folder, which is exchanged': {
    file: 'current/gw',
    build: () => {
      make('rel/0');
      write('rel/0/gw', '0');
      link('current', 'rel/0');
    },
    change: (n) => {
      make(`rel/${n}`);
      write(`rel/${n}/gw`, `${n}`);
      link('current', `rel/${n}`);
    },
  },
  'a link to a file in another folder, which is edited': {
    file: 'etc/gw',
    build: () => {
      make('etc', 'src');
      write('src/gw', '0');
      link('etc/gw', '../src/gw');
    },
    change: (n) => write('src/gw', `${n}`),
  },
  'a link to a Kubernetes volume elsewhere, whose link is exchanged': {
    file: 'etc/gw',
    build: () => {
      make('etc', 'mnt/..0');
      write('mnt/..0/gw', '0');
      link('mnt/..data', '..0');
      link('mnt/gw', '..data/gw');
      link('etc/gw', at('mnt/gw'));
    },
    change: (n) => {
      make(`mnt/..${n}`);
      write(`mnt/..${n}/gw`, `${n}`);
      link('mnt/..data', `..${n}`);
    },
  },
  'a folder that is renamed away and replaced': {
    file: 'etc/gw',
    build: () => {
      make('etc');
      write('etc/gw', '0');
    },
    change: (n) => {
      make(`next${n}`);
      write(`next${n}/gw`, `${n}`);
      renameSync(at('etc'), at(`old${n}`));
      renameSync(at(`next${n}`), at('etc'));
    },
  },
};

async function follow(file: string, more: Partial<ConstructorParameters<typeof FileFollower>[0]> = {}) {
  follower = new FileFollower({
    files: [at(file)],
    onChange: () => changes++,
    onUnwatched: (error) => warnings.push(error),
    quietMs: 15,
    ...more,
  });
  await follower.start();
}

describe('a change is noticed twice in a row, by notification', () => {
  test.each(Object.entries(LAYOUTS))('in %s', async (_name, { file, build, change }) => {
    build();
    // No polling within the test: a folder that is not watched would show.
    await follow(file, { pollMs: 600_000 });
    for (const n of [1, 2]) {
      change(n);
      await until(() => changes === n);
    }
    expect(warnings).toEqual([]);
  });
});

describe('where the notifications are used up', () => {
  test.each(Object.entries(LAYOUTS))('polling finds it in %s, after one warning', async (_name, layout) => {
    layout.build();
    const refuse = () => {
      throw Object.assign(new Error('inotify'), { code: 'EMFILE' });
    };
    await follow(layout.file, { pollMs: 20, watch: refuse as never });
    for (const n of [1, 2]) {
      layout.change(n);
      await until(() => changes === n);
    }
    expect(warnings).toHaveLength(1);
  });
});

test('two files change as one, when both are there', async () => {
  write('cert', '0');
  write('key', '0');
  await follow('cert', { files: [at('cert'), at('key')] });
  rmSync(at('key'));
  write('cert', '1');
  write('key', '1');
  await until(() => changes === 1);
  write('other', '1');
  write('key', '2');
  await until(() => changes === 2);
});

test('a link that leads to itself has an end', async () => {
  link('a', 'b');
  link('b', 'a');
  const entries = await entriesOnTheWay([at('a/gw')]);
  expect([...(entries.get(folder) ?? [])]).toEqual(expect.arrayContaining(['a', 'b']));
  await follow('a/gw');
});
