import { describe, expect, test } from '@jest/globals';
import { buildCallOf, buildModel } from '../../../tests/support/model-call-builder.ts';
import type { GatewayError } from '../../errors/rejection.ts';
import { packSeal } from '../conversation/seal.ts';
import { chat } from './chat/chat.ts';
import { translateRequest } from './language-translation.ts';
import { messages as messagesApi } from './messages/messages.ts';

const hello = [{ role: 'user', content: 'hello' }];

function translate(body: object): Record<string, unknown> {
  return JSON.parse(
    translateRequest(buildCallOf('messages', { messages: hello, ...body }), messagesApi, chat).toString(),
  );
}

function messages(...content: readonly object[]): unknown[] {
  return translate({ messages: content })['messages'] as unknown[];
}

function refusal(body: object): unknown {
  try {
    return translate(body);
  } catch (error) {
    const { code, facts } = (error as GatewayError).rejection;
    return [code, facts?.param];
  }
}

describe('a conversation', () => {
  test('begins with one message of instructions', () => {
    const blocks = ['be brief', 'be kind'].map((text) => ({
      type: 'text',
      text,
      cache_control: { type: 'ephemeral' },
    }));
    expect(translate({ system: blocks })['messages']).toEqual([
      { role: 'system', content: 'be brief\n\nbe kind' },
      ...hello,
    ]);
    expect(translate({ system: 'be brief' })['messages']).toEqual([{ role: 'system', content: 'be brief' }, ...hello]);
    expect(translate({ system: '' })['messages']).toEqual(hello);
  });

  test('answers tools in messages of their own, before what the user says, with their pictures after', () => {
    const picture = { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } };
    const result = { type: 'tool_result', tool_use_id: 't1', content: [{ type: 'text', text: 'seen' }, picture] };
    expect(messages({ role: 'user', content: [{ type: 'text', text: 'and?' }, result] })).toEqual([
      { role: 'tool', tool_call_id: 't1', content: 'seen' },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } },
          { type: 'text', text: 'and?' },
        ],
      },
    ]);
  });

  test('keeps what the assistant said and called, but not what it thought', () => {
    const content = [
      { type: 'thinking', thinking: 'hm', signature: 's' },
      { type: 'text', text: 'let me add' },
      { type: 'tool_use', id: 't1', name: 'add', input: { a: 1 } },
    ];
    const call = { id: 't1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } };
    expect(messages({ role: 'assistant', content })).toEqual([
      { role: 'assistant', content: 'let me add', tool_calls: [call] },
    ]);
    expect(messages({ role: 'assistant', content: content.slice(2) })).toMatchObject([{ content: null }]);
    expect(messages({ role: 'assistant', content: content.slice(0, 1) })).toEqual([]);
  });

  test('carries pictures and documents', () => {
    const content = [
      { type: 'image', source: { type: 'url', url: 'https://a.example/x.png' } },
      { type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data: 'QQ==' } },
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'plain' } },
    ];
    expect(messages({ role: 'user', content })).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'https://a.example/x.png' } },
          { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' } },
          { type: 'text', text: 'plain' },
        ],
      },
    ]);
  });
});

const tools = [{ name: 'add', description: 'adds', input_schema: { type: 'object' } }];
const format = { type: 'json_schema', schema: { type: 'object' } };

test.each<[string, object, object]>([
  ['sampling stays', { temperature: 0.5, top_p: 0.9 }, { temperature: 0.5, top_p: 0.9 }],
  ['stops stay', { stop_sequences: ['a'] }, { stop: ['a'] }],
  [
    'nudges, thinking and account fields are left out',
    { top_k: 5, thinking: { type: 'enabled' }, metadata: { user_id: 'u' } },
    {},
  ],
  [
    'tools keep name, description and parameters',
    { tools },
    {
      tools: [
        {
          type: 'function',
          function: { name: 'add', description: 'adds', parameters: { type: 'object', properties: {} } },
        },
      ],
    },
  ],
  [
    'a schema of the output becomes the format of the response',
    { output_config: { format } },
    { response_format: { type: 'json_schema', json_schema: { name: 'answer', schema: format.schema, strict: true } } },
  ],
  [
    'a stream tells its usage, which is part of a message',
    { stream: true },
    { stream: true, stream_options: { include_usage: true } },
  ],
])('%s', (_what, body, expected) => {
  const { model, messages: _messages, max_tokens: limit, ...rest } = translate(body);
  expect([model, limit, rest]).toEqual(['sample', 1024, expected]);
});

test.each<[object, object]>([
  [{ type: 'auto' }, { tool_choice: 'auto' }],
  [{ type: 'any' }, { tool_choice: 'required' }],
  [{ type: 'none' }, { tool_choice: 'none' }],
  [{ type: 'tool', name: 'add' }, { tool_choice: { type: 'function', function: { name: 'add' } } }],
  [
    { type: 'auto', disable_parallel_tool_use: true },
    { tool_choice: 'auto', parallel_tool_calls: false },
  ],
])('tools are chosen: %j', (choice, expected) => {
  const { tool_choice, parallel_tool_calls } = translate({ tools, tool_choice: choice });
  expect({ tool_choice, ...(parallel_tool_calls === undefined ? {} : { parallel_tool_calls }) }).toEqual(expected);
});

describe('what cannot be expressed is refused by name', () => {
  const user = (block: unknown) => ({ messages: [{ role: 'user', content: [block] }] });

  test.each<[string, string, object]>([
    ['VALUE_ERROR', 'mcp_servers', { mcp_servers: [{ type: 'url' }] }],
    ['VALUE_ERROR', 'tools[0].type', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['VALUE_ERROR', 'messages[0].content[0].type', user({ type: 'container_upload' })],
    ['VALUE_ERROR', 'messages[0].content[0].source.type', user({ type: 'image', source: { type: 'file' } })],
    ['VALUE_ERROR', 'messages[0].content[0].source', user({ type: 'document', source: { type: 'url' } })],
    ['VALIDATION_ERROR', 'messages', { messages: {} }],
    ['VALIDATION_ERROR', 'messages[0].role', { messages: [{ role: 'developer', content: 'x' }] }],
    ['VALIDATION_ERROR', 'messages[0].content', user('text')],
    ['VALIDATION_ERROR', 'system[0].type', { system: [{ type: 'image' }] }],
    ['VALIDATION_ERROR', 'tool_choice', { tools, tool_choice: 'auto' }],
  ])('%s %s', (code, param, body) => expect(refusal(body)).toEqual([code, param]));
});

const asked = { role: 'user', content: 'x' };
const callBlock = { type: 'tool_use', id: 'c1', name: 'f', input: {} };
const resultOf = (content: unknown) => ({
  role: 'user',
  content: [{ type: 'tool_result', tool_use_id: 'c1', content }],
});

describe('what Claude Code sends', () => {
  test('instructions within the conversation stay at their place, but never between a call and its result', () => {
    const told = { role: 'system', content: [{ type: 'text', text: 'Be brief.' }] };
    expect(messages(asked, told)).toEqual([asked, { role: 'system', content: 'Be brief.' }]);
    const turns = messages(asked, { role: 'assistant', content: [callBlock] }, told, resultOf('42'));
    expect((turns as { role: string }[]).map(({ role }) => role)).toEqual(['user', 'assistant', 'tool', 'system']);
  });

  test('betas, adaptive thinking, marks for caches and unknown fields do no harm', () => {
    const tool = {
      name: 'f',
      input_schema: { type: 'object' },
      cache_control: { type: 'ephemeral' },
      defer_loading: true,
    };
    const sent = translate({
      thinking: { type: 'adaptive' },
      output_config: { effort: 'high' },
      context_management: { edits: [] },
      metadata: { user_id: 'u' },
      betas: ['x'],
      tools: [tool],
    });
    expect(Object.keys(sent).toSorted()).toEqual(['max_tokens', 'messages', 'model', 'tools']);
    expect(sent['tools']).toEqual([
      { type: 'function', function: { name: 'f', parameters: { type: 'object', properties: {} } } },
    ]);
  });

  test.each([
    [
      'text',
      [
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
      ],
      'a\nb',
    ],
    ['nothing', undefined, ''],
    [
      'a search result',
      [{ type: 'search_result', title: 'T', source: 's', content: [{ type: 'text', text: 'found' }] }],
      'T\ns\nfound',
    ],
    ['a text document', [{ type: 'document', source: { type: 'text', media_type: 'text/plain', data: 'doc' } }], 'doc'],
    ['a document of blocks', [{ type: 'document', source: { type: 'content', content: 'doc' } }], 'doc'],
  ])('a result of a tool may hold %s', (_what, content, expected) => {
    expect(messages(asked, { role: 'assistant', content: [callBlock] }, resultOf(content)).at(-1)).toEqual({
      role: 'tool',
      tool_call_id: 'c1',
      content: expected,
    });
  });

  test('a part of a result that cannot be carried is refused by its place', () => {
    const content = [
      { type: 'text', text: 'a' },
      { type: 'tool_reference', tool_name: 'f' },
    ];
    expect(refusal({ messages: [resultOf(content)] })).toEqual([
      'VALUE_ERROR',
      'messages[0].content[0].content[1].type',
    ]);
  });
});

describe('thoughts', () => {
  const thought = (signature: string) => ({ type: 'thinking', thinking: 'hm', signature });
  const said = (signature: string) => ({ role: 'assistant', content: [thought(signature), callBlock] });
  const sentFor = (model: string, signature: string) =>
    translateRequest(
      buildCallOf('messages', { messages: [said(signature)] }, { model: buildModel('m', { upstreamName: model }) }),
      messagesApi,
      chat,
    ).toString();
  const own = packSeal({ origin: 'chat', data: 'reasoning' });

  test('go back to the kind of model that reports them, under the name it used', () => {
    expect(sentFor('deepseek-chat', '')).toContain('"reasoning_content":"hm"');
    expect(sentFor('some-model', own)).toContain('"reasoning":"hm"');
  });

  test('go nowhere else', () => {
    expect(sentFor('gpt-5', own)).not.toContain('hm');
    expect(sentFor('some-model', 'signature of another')).not.toContain('hm');
  });

  test('the signature of a call of Gemini is kept in a hidden block, and goes back with the call', () => {
    const seal = { origin: 'chat', data: 'sig', isHidden: true, id: 'c1' } as const;
    const hidden = { type: 'redacted_thinking', data: packSeal(seal) };
    expect(messages({ role: 'assistant', content: [hidden, callBlock] })).toMatchObject([
      { tool_calls: [{ id: 'c1', extra_content: { google: { thought_signature: 'sig' } } }] },
    ]);
  });
});

test.each([
  ['gpt-5', 'max_completion_tokens'],
  ['o3-mini', 'max_completion_tokens'],
  ['openai/gpt-4.1', 'max_completion_tokens'],
  ['gpt-oss:20b', 'max_tokens'],
  ['mistral-large', 'max_tokens'],
])('%s is bound by %s', (model, field) => {
  const call = buildCallOf('messages', { messages: hello }, { model: buildModel('m', { upstreamName: model }) });
  expect(translateRequest(call, messagesApi, chat).toString()).toContain(`"${field}":1024`);
});

test('a schema is only called strict where OpenAI takes it for one', () => {
  const strictOf = (schema: object) =>
    translate({ output_config: { format: { type: 'json_schema', schema } } })['response_format'];
  const open = { type: 'object', properties: { a: { type: 'string' } } };
  expect(strictOf(open)).toMatchObject({ json_schema: { strict: false } });
  expect(strictOf({ ...open, required: ['a'], additionalProperties: false })).toMatchObject({
    json_schema: { strict: true },
  });
});
