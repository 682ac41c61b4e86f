import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type RawUpstream, type Script, startRawUpstream } from '../support/raw-upstream.ts';
import { API_KEY, QUICK_SHUTDOWN, startTestGateway, type TestGateway } from '../support/start-gateway.ts';

type Json = Record<string, unknown>;

/** The programs have a package of their own: nobody who only works on the gateway needs them. */
const FOLDER = join(process.cwd(), 'tests', 'programs');
const SSE = { 'Content-Type': 'text/event-stream' };

let openaiShaped: RawUpstream;
let anthropicShaped: RawUpstream;
let gateway: TestGateway;
let home: string;

beforeAll(async () => {
  execFileSync('npm', ['ci', '--no-audit', '--no-fund'], { cwd: FOLDER, stdio: 'ignore' });
  home = mkdtempSync(join(tmpdir(), 'turnpike-programs-'));
  writeFileSync(join(home, 'note.txt'), 'The word is heron.');
  openaiShaped = await startRawUpstream();
  anthropicShaped = await startRawUpstream();
  gateway = await startTestGateway(`
settings: { ${QUICK_SHUTDOWN} }
services:
  chat:
    kind: llm
    retry: false
    targets:
      - { url: "${openaiShaped.url}/v1", api_key: sk-of-openai, models: ["gpt-*"] }
      - { url: "${anthropicShaped.url}/v1", api_key: sk-of-anthropic, provider: anthropic, models: ["claude-*"] }
    models:
      entries: { gpt-4.1: { unpriced: free }, claude-opus-4-7: { unpriced: free } }
      aliases: { claude-at-openai: gpt-4.1, claude-haiku-at-openai: gpt-4.1 }
`);
}, 300_000);

afterAll(async () => {
  for (const part of [gateway, openaiShaped, anthropicShaped]) await part.close();
  rmSync(home, { recursive: true, force: true });
});

/** Runs a program in the folder with the note; what it printed, whatever it ended with. */
function run(program: string, args: readonly string[], env: Record<string, string>): Promise<string> {
  const base = { PATH: process.env['PATH'] ?? '', HOME: home, TERM: 'dumb' };
  return new Promise((resolve) => {
    const options = { cwd: home, env: { ...base, ...env }, timeout: 120_000 };
    const child = execFile(join(FOLDER, 'node_modules', '.bin', program), args, options, (_error, out, errors) =>
      resolve(out + errors),
    );
    child.stdin?.end();
  });
}

function bodies(upstream: RawUpstream): Json[] {
  return upstream.requests.filter(({ body }) => body.length > 0).map(({ body }) => JSON.parse(body.toString()) as Json);
}

const events = (...list: Json[]) =>
  list.map((data) => `event: ${String(data['type'])}\ndata: ${JSON.stringify(data)}\n\n`).join('');
const chunks = (...deltas: [Json, string | null][]) =>
  `${deltas.map(([delta, reason]) => `data: ${JSON.stringify({ id: 'c', model: 'm', choices: [{ index: 0, delta, finish_reason: reason }] })}\n\n`).join('')}data: [DONE]\n\n`;

/** Calls a tool of the program where it has some, and says the word once it has the result. */
const openaiModel: Script = async (call) => {
  await call.received;
  const { messages, tools } = JSON.parse(call.request.body.toString()) as { messages: Json[]; tools?: Json[] };
  const isAnswered = messages.some(({ role }) => role === 'tool');
  const called = {
    index: 0,
    id: 'call_1',
    function: { name: 'Read', arguments: JSON.stringify({ file_path: join(home, 'note.txt') }) },
  };
  const text =
    isAnswered || !tools
      ? chunks([{ content: 'The word is heron.' }, null], [{}, 'stop'])
      : chunks([{ tool_calls: [called] }, null], [{}, 'tool_calls']);
  await call.answer(200, text, SSE);
};

test('Claude Code works with a model of an OpenAI-shaped target, tools included', async () => {
  openaiShaped.play(openaiModel);
  const said = await run(
    'claude',
    ['-p', 'What is the word in note.txt?', '--model', 'claude-at-openai', '--allowedTools', 'Read'],
    {
      ANTHROPIC_BASE_URL: gateway.url,
      ANTHROPIC_AUTH_TOKEN: API_KEY,
      ANTHROPIC_SMALL_FAST_MODEL: 'claude-haiku-at-openai',
      CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      DISABLE_AUTOUPDATER: '1',
    },
  );
  expect(said).toContain('The word is heron.');
  const results = bodies(openaiShaped).flatMap(({ messages }) =>
    (messages as Json[]).filter(({ role }) => role === 'tool'),
  );
  expect(String(results[0]?.['content'])).toContain('The word is heron.');
}, 180_000);

const anthropicModel: Script = async (call) => {
  await call.received;
  const { messages } = JSON.parse(call.request.body.toString()) as { messages: { content: Json[] }[] };
  const isAnswered = messages.some(({ content }) => content.some(({ type }) => type === 'tool_result'));
  const tool = (JSON.parse(call.request.body.toString()) as { tools: Json[] }).tools.find(({ name }) =>
    /shell|exec/.test(String(name)),
  );
  const input = tool?.['name'] === 'exec_command' ? { cmd: 'cat note.txt' } : { command: ['cat', 'note.txt'] };
  const start = {
    type: 'message_start',
    message: { id: 'msg_1', model: 'm', usage: { input_tokens: 9, output_tokens: 1 } },
  };
  const block = isAnswered
    ? { type: 'text', text: '' }
    : { type: 'tool_use', id: 'toolu_1', name: tool?.['name'], input: {} };
  const delta = isAnswered
    ? { type: 'text_delta', text: 'The word is heron.' }
    : { type: 'input_json_delta', partial_json: JSON.stringify(input) };
  const text = events(
    start,
    { type: 'content_block_start', index: 0, content_block: block },
    { type: 'content_block_delta', index: 0, delta },
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: isAnswered ? 'end_turn' : 'tool_use' },
      usage: { output_tokens: 5 },
    },
    { type: 'message_stop' },
  );
  await call.answer(200, text, SSE);
};

test('Codex works with a model of an Anthropic target, tools included', async () => {
  anthropicShaped.play(anthropicModel);
  const provider = `model_providers.gw={ name = "gw", base_url = "${gateway.url}/v1", env_key = "GW_KEY", wire_api = "responses" }`;
  const options = [
    '--skip-git-repo-check',
    '--dangerously-bypass-approvals-and-sandbox',
    '-c',
    provider,
    '-c',
    'model_provider="gw"',
  ];
  const said = await run('codex', ['exec', ...options, '-m', 'claude-opus-4-7', 'What is the word in note.txt?'], {
    GW_KEY: API_KEY,
    CODEX_HOME: home,
  });
  expect(said).toContain('The word is heron.');
  const results = bodies(anthropicShaped).flatMap(({ messages }) =>
    (messages as { content: Json[] }[]).flatMap(({ content }) => content.filter(({ type }) => type === 'tool_result')),
  );
  expect(JSON.stringify(results[0])).toContain('The word is heron.');
}, 180_000);
