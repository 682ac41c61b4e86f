import { describe, expect, test } from '@jest/globals';
import { buildCallOf, buildModel } from '../../../tests/support/model-call-builder.ts';
import type { GatewayError } from '../../errors/rejection.ts';
import { packSeal } from '../conversation/seal.ts';
import { chat } from './chat/chat.ts';
import { LanguageTranslation, translateRequest } from './language-translation.ts';
import type { Language } from './language.ts';
import { messages } from './messages/messages.ts';
import { responses } from './responses/responses.ts';

type Json = Record<string, unknown>;

const translate = (body: object, to: Language, model = 'sample'): Json => {
  const call = buildCallOf('responses', body, { model: buildModel('m', { upstreamName: model }) });
  return JSON.parse(translateRequest(call, responses, to).toString());
};

/** What an agent sends in its second turn. */
const AGENT = {
  instructions: 'You are an agent.',
  input: [
    { type: 'message', role: 'developer', content: [{ type: 'input_text', text: 'Sandbox: off.' }] },
    { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'List files.' }] },
    {
      type: 'reasoning',
      summary: [{ type: 'summary_text', text: 'hm' }],
      encrypted_content: packSeal({ origin: 'messages', data: 'sig' }),
    },
    { type: 'function_call', call_id: 'c1', name: 'shell', arguments: '{"command":["ls"]}' },
    { type: 'custom_tool_call', call_id: 'c2', name: 'apply_patch', input: '*** Begin' },
    { type: 'function_call_output', call_id: 'c1', output: 'a.txt' },
    { type: 'custom_tool_call_output', call_id: 'c2', output: [{ type: 'input_text', text: 'done' }] },
  ],
  tools: [
    {
      type: 'function',
      name: 'shell',
      description: 'runs',
      strict: false,
      parameters: { type: 'object', properties: {} },
    },
    { type: 'custom', name: 'apply_patch', description: 'edits', format: { type: 'grammar', definition: 'start: x' } },
    { type: 'web_search', external_web_access: false },
  ],
  tool_choice: 'auto',
  parallel_tool_calls: false,
  reasoning: { effort: 'high', summary: 'auto' },
  store: false,
  stream: true,
  include: ['reasoning.encrypted_content'],
  prompt_cache_key: 'k',
};

const FREEFORM = { type: 'object', properties: { input: { type: 'string' } }, required: ['input'] };

test('a turn of an agent becomes one of the Messages API, signed thoughts included', () => {
  expect(translate(AGENT, messages, 'claude-opus-4-7')).toEqual({
    model: 'claude-opus-4-7',
    system: [
      { type: 'text', text: 'You are an agent.' },
      { type: 'text', text: 'Sandbox: off.' },
    ],
    messages: [
      { role: 'user', content: [{ type: 'text', text: 'List files.' }] },
      {
        role: 'assistant',
        content: [
          { type: 'thinking', thinking: 'hm', signature: 'sig' },
          { type: 'tool_use', id: 'c1', name: 'shell', input: { command: ['ls'] } },
          { type: 'tool_use', id: 'c2', name: 'apply_patch', input: { input: '*** Begin' } },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'c1', content: [{ type: 'text', text: 'a.txt' }] },
          { type: 'tool_result', tool_use_id: 'c2', content: [{ type: 'text', text: 'done' }] },
        ],
      },
    ],
    max_tokens: 16384,
    tools: [
      { name: 'shell', description: 'runs', input_schema: { type: 'object', properties: {} } },
      { name: 'apply_patch', description: 'edits\n\nstart: x', input_schema: FREEFORM },
    ],
    tool_choice: { type: 'auto', disable_parallel_tool_use: true },
    thinking: { type: 'adaptive' },
    output_config: { effort: 'high' },
    stream: true,
  });
});

test('and one of chat completions', () => {
  expect(translate(AGENT, chat)).toMatchObject({
    messages: [
      { role: 'system', content: 'You are an agent.' },
      { role: 'system', content: 'Sandbox: off.' },
      { role: 'user', content: 'List files.' },
      { role: 'assistant', content: null, tool_calls: [{ id: 'c1' }, { id: 'c2', function: { name: 'apply_patch' } }] },
      { role: 'tool', tool_call_id: 'c1', content: 'a.txt' },
      { role: 'tool', tool_call_id: 'c2', content: 'done' },
    ],
    tools: [{ function: { name: 'shell' } }, { function: { name: 'apply_patch', parameters: FREEFORM } }],
    parallel_tool_calls: false,
    stream_options: { include_usage: true },
  });
});

describe('what a message holds', () => {
  const sent = (...content: object[]) =>
    (translate({ input: [{ role: 'user', content }] }, chat)['messages'] as Json[])[0];

  test('pictures and files are carried', () => {
    const image = { type: 'input_image', image_url: 'https://a.example/x.png', detail: 'low' };
    const file = { type: 'input_file', filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' };
    expect(sent(image, file)).toEqual({
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: 'https://a.example/x.png', detail: 'low' } },
        { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' } },
      ],
    });
  });

  test('what the assistant said comes back as its own', () => {
    const said = {
      type: 'message',
      role: 'assistant',
      content: [{ type: 'output_text', text: 'yes', annotations: [] }],
    };
    expect(
      translate({ input: ['x', 'y'].map((content) => ({ role: 'user', content })).concat(said as never) }, chat),
    ).toMatchObject({
      messages: [
        { role: 'user', content: [{ text: 'x' }, { text: 'y' }] },
        { role: 'assistant', content: 'yes' },
      ],
    });
  });
});

test.each<[string, string, object]>([
  ['VALUE_ERROR', 'previous_response_id', { previous_response_id: 'resp_1' }],
  ['VALUE_ERROR', 'background', { background: true }],
  ['VALUE_ERROR', 'tools[0].type', { tools: [{ type: 'code_interpreter' }] }],
  ['VALUE_ERROR', 'text.format', { text: { format: { type: 'json_object' } } }],
  ['VALUE_ERROR', 'input[0].type', { input: [{ type: 'item_reference', id: 'x' }] }],
  ['VALUE_ERROR', 'input[0].content[0].type', { input: [{ role: 'user', content: [{ type: 'input_audio' }] }] }],
  [
    'VALUE_ERROR',
    'input[0].content[0].image_url',
    { input: [{ role: 'user', content: [{ type: 'input_image', file_id: 'f' }] }] },
  ],
  ['VALIDATION_ERROR', 'input[0].call_id', { input: [{ type: 'function_call', name: 'f', arguments: '{}' }] }],
])('%s %s', (code, param, body) => {
  let error: unknown;
  try {
    translate({ input: 'hi', ...body }, messages);
  } catch (thrown) {
    error = thrown;
  }
  expect((error as GatewayError).rejection).toMatchObject({ code, facts: { param } });
});

describe('a request for an upstream that only speaks Responses', () => {
  test('is made of one of the Messages API', () => {
    const body = {
      system: 'Be brief.',
      messages: [
        { role: 'user', content: 'x' },
        {
          role: 'assistant',
          content: [
            { type: 'thinking', thinking: 'hm', signature: packSeal({ origin: 'responses', data: 'enc', id: 'rs_1' }) },
            { type: 'tool_use', id: 'c1', name: 'f', input: {} },
          ],
        },
        { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'c1', content: '42' }] },
      ],
      tools: [{ name: 'f', input_schema: { type: 'object', properties: {} } }],
      temperature: 1,
      output_config: { effort: 'low' },
    };
    const call = buildCallOf('messages', body, { model: buildModel('m', { upstreamName: 'gpt-5.4' }) });
    expect(JSON.parse(translateRequest(call, messages, responses).toString())).toEqual({
      model: 'gpt-5.4',
      input: [
        { type: 'message', role: 'system', content: [{ type: 'input_text', text: 'Be brief.' }] },
        { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'x' }] },
        { type: 'reasoning', id: 'rs_1', summary: [{ type: 'summary_text', text: 'hm' }], encrypted_content: 'enc' },
        { type: 'function_call', call_id: 'c1', name: 'f', arguments: '{}' },
        { type: 'function_call_output', call_id: 'c1', output: '42' },
      ],
      max_output_tokens: 1024,
      tools: [{ type: 'function', name: 'f', parameters: { type: 'object', properties: {} }, strict: false }],
      reasoning: { effort: 'low', summary: 'auto' },
      store: false,
      include: ['reasoning.encrypted_content'],
    });
  });
});

describe('tools in a namespace', () => {
  const inner = { type: 'function', name: 'close', parameters: { type: 'object', properties: {} } };
  const body = {
    input: [
      { role: 'user', content: 'x' },
      { type: 'function_call', call_id: 'c1', namespace: 'agents', name: 'close', arguments: '{}' },
    ],
    tools: [{ type: 'namespace', name: 'agents', tools: [inner] }],
  };

  test('are offered by one name, also where they were called', () => {
    expect(translate(body, messages)).toMatchObject({
      tools: [{ name: 'agents__close' }],
      messages: [{}, { content: [{ type: 'tool_use', name: 'agents__close' }] }],
    });
  });

  test('and freeform tools are called in the words of the client, streamed or not', () => {
    const call = buildCallOf('responses', { ...body, tools: [...body.tools, { type: 'custom', name: 'patch' }] });
    const block = (id: string, name: string, input: object) => ({ type: 'tool_use', id, name, input });
    const content = [block('c1', 'agents__close', { id: 1 }), block('c2', 'patch', { input: '*** Begin' })];
    const answer = { type: 'message', id: 'a', model: 'm', content, stop_reason: 'tool_use', usage: {} };
    const translation = new LanguageTranslation(call, responses, messages);
    const bytes = Buffer.from(JSON.stringify(answer));
    const expected = [
      { type: 'function_call', call_id: 'c1', namespace: 'agents', name: 'close', arguments: '{"id":1}' },
      { type: 'custom_tool_call', call_id: 'c2', name: 'patch', input: '*** Begin' },
    ];
    expect(JSON.parse(translation.whole(bytes).toString())).toMatchObject({ output: expected });
    const last = translation.streamFromWhole(bytes).toString().trim().split('data: ').at(-1) ?? '';
    expect(JSON.parse(last)).toMatchObject({ type: 'response.completed', response: { output: expected } });
  });
});

test('a stream that fails ends as a response does', () => {
  const stream = new LanguageTranslation(buildCallOf('responses', {}), responses, chat).stream();
  const text = stream.write(Buffer.from('data: {"error":{"message":"Overloaded"}}\n\n')).toString();
  expect(text).toContain('event: response.failed');
  expect(text).toContain('"message":"Overloaded"');
  expect(stream.failure?.detail).toBe('Overloaded');
});
