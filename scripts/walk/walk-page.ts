import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Recorder } from './record.ts';
import type { Walk } from './walk.ts';
import { type WalkedRequest, walkRequest } from './walk-request.ts';

const here = import.meta.dirname;
const PAGE = join(here, '../../docs/architecture.md');
const START = '<!-- walks: written by `npm run walk -- --write` -->';
const END = '<!-- end of walks -->';

const plain: WalkedRequest = {
  config: join(here, 'plain.yaml'),
  method: 'GET',
  path: '/service1/hello',
  headers: {},
  body: undefined,
};

async function chat(): Promise<WalkedRequest> {
  return {
    config: join(here, 'chat.yaml'),
    method: 'POST',
    path: '/v1/chat/completions',
    headers: {},
    body: await readFile(join(here, 'chat.json'), 'utf8'),
  };
}

/** Puts the two walks of the code as it is into docs/architecture.md; a page that shows the same files stays as it is. */
export async function writeWalks(recorder: Recorder): Promise<void> {
  const page = await readPage();
  const text = await walksText(recorder);
  if (filesIn(text) === filesIn(page.walks)) return;
  await writeFile(PAGE, page.before + text + page.after);
  console.log('wrote the walks in docs/architecture.md');
}

/** What to do when the page shows other files than the code enters; nothing when they agree. */
export async function staleWalks(recorder: Recorder): Promise<readonly string[]> {
  const { walks } = await readPage();
  let walked = '';
  // What runs beside a request by chance may enter a file of its own.
  for (let round = 0; round < 3; round++) {
    walked = await walksText(recorder);
    if (filesIn(walked) === filesIn(walks)) return [];
  }
  return [
    'The walks in docs/architecture.md are stale: run npm run generate.',
    ...difference(walked, walks).map((line) => `  entered, not shown: ${line}`),
    ...difference(walks, walked).map((line) => `  shown, not entered: ${line}`),
  ];
}

function difference(text: string, other: string): string[] {
  const known = new Set(filesIn(other).split('\n'));
  return filesIn(text)
    .split('\n')
    .filter((file) => !known.has(file));
}

/** `1 edge/edge`: the walk and the file, one a line, in an order that does not depend on the request. */
function filesIn(text: string): string {
  const files: string[] = [];
  let walk = 0;
  for (const line of text.split('\n')) {
    if (line.startsWith('**')) walk++;
    const [folder, names] = line.split('/: ');
    for (const name of names?.split(', ') ?? []) files.push(`${String(walk)} ${String(folder)}/${name}`);
  }
  return files.toSorted().join('\n');
}

async function readPage(): Promise<{ before: string; walks: string; after: string }> {
  const page = await readFile(PAGE, 'utf8');
  const [from, to] = [page.indexOf(START), page.indexOf(END)];
  if (from < 0 || to < from) throw new Error(`docs/architecture.md lacks "${START}" … "${END}"`);
  const start = from + START.length;
  return { before: page.slice(0, start), walks: page.slice(start, to), after: page.slice(to) };
}

async function walksText(recorder: Recorder): Promise<string> {
  const first = await walkRequest(recorder, plain);
  const second = await walkRequest(recorder, await chat());
  for (const { status } of [first, second])
    if (status !== 200) throw new Error(`a walk was answered ${String(status)}`);
  return [
    '',
    section('A plain request with a key, a rate limit, retries and a breaker', first.walk),
    section('A streamed chat: OpenAI client, Anthropic target, daily budget in dollars', second.walk),
    '',
  ].join('\n');
}

function section(title: string, walk: Walk): string {
  return `**${title}** (${walk.figures}):\n\n\`\`\`text\n${walk.fileLines.join('\n')}\n\`\`\`\n`;
}
