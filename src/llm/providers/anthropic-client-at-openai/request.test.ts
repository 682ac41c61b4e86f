import { describe, expect, test } from '@jest/globals';
import { buildCallOf } from '../../../../tests/support/model-call-builder.ts';
import type { GatewayError } from '../../../errors/rejection.ts';
import { messagesToChat } from './request.ts';

const hello = [{ role: 'user', content: 'hello' }];

function translate(body: object): Record<string, unknown> {
  return JSON.parse(messagesToChat(buildCallOf('messages', { messages: hello, ...body })).toString());
}

function messages(...content: readonly object[]): unknown {
  return translate({ messages: content })['messages'];
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
          { type: 'text', text: 'and?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,iVBO' } },
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
    { tools: [{ type: 'function', function: { name: 'add', description: 'adds', parameters: { type: 'object' } } }] },
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
  const { model, messages: _messages, max_completion_tokens: limit, ...rest } = translate(body);
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
    ['VALUE_ERROR', 'mcp_servers', { mcp_servers: [] }],
    ['VALUE_ERROR', 'tools[0].type', { tools: [{ type: 'web_search_20250305', name: 'web_search' }] }],
    ['VALUE_ERROR', 'messages[0].content[0].type', user({ type: 'search_result' })],
    ['VALUE_ERROR', 'messages[0].content[0].source.type', user({ type: 'image', source: { type: 'file' } })],
    ['VALUE_ERROR', 'messages[0].content[0].source', user({ type: 'document', source: { type: 'url' } })],
    ['VALIDATION_ERROR', 'messages', { messages: {} }],
    ['VALIDATION_ERROR', 'messages[0].role', { messages: [{ role: 'system', content: 'x' }] }],
    ['VALIDATION_ERROR', 'messages[0].content', user('text')],
    ['VALIDATION_ERROR', 'system', { system: [{ type: 'image' }] }],
    ['VALIDATION_ERROR', 'tool_choice', { tools, tool_choice: 'auto' }],
  ])('%s %s', (code, param, body) => expect(refusal(body)).toEqual([code, param]));
});
