import { describe, expect, test } from '@jest/globals';
import { buildCallOf, buildModel } from '../../../tests/support/model-call-builder.ts';
import type { GatewayError } from '../../errors/rejection.ts';
import type { ModelCall } from '../../exchange/model-call.ts';
import { chat } from './chat/chat.ts';
import { translateRequest } from './language-translation.ts';
import { messages } from './messages/messages.ts';

const hello = [{ role: 'user', content: 'hello' }];

function translate(body: object, fields: Partial<ModelCall> = {}): Record<string, unknown> {
  return JSON.parse(
    translateRequest(buildCallOf('chat', { messages: hello, ...body }, fields), chat, messages).toString(),
  );
}

function turns(messages: readonly object[]): unknown[] {
  return translate({ messages })['messages'] as unknown[];
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
  test('has its instructions before it, wherever they stood', () => {
    const { system, messages } = translate({
      messages: [
        { role: 'system', content: 'be brief' },
        ...hello,
        { role: 'developer', content: [{ type: 'text', text: 'be kind' }] },
      ],
    });
    expect(system).toEqual([
      { type: 'text', text: 'be brief' },
      { type: 'text', text: 'be kind' },
    ]);
    expect(messages).toEqual([{ role: 'user', content: [{ type: 'text', text: 'hello' }] }]);
  });

  test('alternates: neighbours of one role become one turn, and empty ones none', () => {
    const said = (role: string, content: string) => ({ role, content });
    expect(
      turns([said('user', 'a'), said('user', 'b'), said('assistant', ''), said('assistant', 'c'), said('user', 'd')]),
    ).toEqual([
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a' },
          { type: 'text', text: 'b' },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'c' }] },
      { role: 'user', content: [{ type: 'text', text: 'd' }] },
    ]);
  });

  test('keeps calls of tools and answers them in the next turn of the user', () => {
    const call = { id: 'call_1', type: 'function', function: { name: 'add', arguments: '{"a":1}' } };
    expect(
      turns([
        ...hello,
        { role: 'assistant', content: null, tool_calls: [call] },
        { role: 'tool', tool_call_id: 'call_1', content: '2' },
        { role: 'user', content: 'and?' },
      ]).slice(1),
    ).toEqual([
      { role: 'assistant', content: [{ type: 'tool_use', id: 'call_1', name: 'add', input: { a: 1 } }] },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'call_1', content: [{ type: 'text', text: '2' }] },
          { type: 'text', text: 'and?' },
        ],
      },
    ]);
  });

  test('carries pictures and PDFs, by address or as data', () => {
    const image = (url: string) => ({ type: 'image_url', image_url: { url, detail: 'low' } });
    const file = { type: 'file', file: { filename: 'a.pdf', file_data: 'data:application/pdf;base64,QQ==' } };
    const content = [image('https://a.example/x.png'), image('data:image/png;base64,iVBO'), file];
    expect(turns([{ role: 'user', content }])).toEqual([
      {
        role: 'user',
        content: [
          { type: 'image', source: { type: 'url', url: 'https://a.example/x.png' } },
          { type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'iVBO' } },
          { type: 'document', source: { type: 'base64', media_type: 'application/pdf', data: 'QQ==' }, title: 'a.pdf' },
        ],
      },
    ]);
  });
});

describe('a setting', () => {
  test.each<[string, object, object]>([
    ['temperature is clamped to the range of the API', { temperature: 1.7 }, { temperature: 1 }],
    ['top_p stays', { top_p: 0.5 }, { top_p: 0.5 }],
    ['one stop becomes a list', { stop: 'END' }, { stop_sequences: ['END'] }],
    ['several stops stay', { stop: ['a', 'b'] }, { stop_sequences: ['a', 'b'] }],
    ['stops of nothing but spaces are left out', { stop: ['\n', 'END'] }, { stop_sequences: ['END'] }],
    ['of temperature and top_p the first stays', { temperature: 0.5, top_p: 0.9 }, { temperature: 0.5 }],
    ['null is as good as nothing', { temperature: null, stop: null, tools: null, response_format: null }, {}],
    ['nudges and account fields are left out', { seed: 1, user: 'u', logit_bias: {}, metadata: { a: 'b' } }, {}],
    ['response_format text is the default', { response_format: { type: 'text' } }, {}],
    [
      'a JSON schema becomes the format of the output',
      { response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } } },
      { output_config: { format: { type: 'json_schema', schema: { type: 'object', additionalProperties: false } } } },
    ],
  ])('%s', (_what, body, expected) => {
    const { model, messages: _messages, max_tokens: _limit, ...rest } = translate(body);
    expect([model, rest]).toEqual(['sample', expected]);
  });

  test('max_tokens is always there, and no more than the model can give', () => {
    const small = buildModel('small', { upstreamName: 'small-v2', maxOutputTokens: 100 });
    expect(translate({ max_tokens: 500 }, { maxOutputTokens: 500 })).toMatchObject({ max_tokens: 500 });
    expect(translate({})).toMatchObject({ max_tokens: 8192 });
    expect(translate({}, { maxOutputTokens: 500, model: small })).toMatchObject({ max_tokens: 100, model: 'small-v2' });
  });

  test('stream is asked for when the call is one, whatever the body says', () => {
    expect(translate({ stream: false }, { isStream: true })).toMatchObject({ stream: true });
    expect(translate({ stream: false })).not.toHaveProperty('stream');
  });
});

describe('tools', () => {
  const tools = [{ type: 'function', function: { name: 'add', description: 'adds', parameters: { type: 'object' } } }];

  test('keep name, description and parameters', () => {
    expect(translate({ tools: [...tools, { type: 'function', function: { name: 'now' } }] })['tools']).toEqual([
      { name: 'add', description: 'adds', input_schema: { type: 'object' } },
      { name: 'now', input_schema: { type: 'object', properties: {} } },
    ]);
  });

  test.each<[string, object, unknown]>([
    ['auto', { tool_choice: 'auto' }, { type: 'auto' }],
    ['none', { tool_choice: 'none', parallel_tool_calls: false }, { type: 'none' }],
    ['required', { tool_choice: 'required' }, { type: 'any' }],
    ['one function', { tool_choice: { type: 'function', function: { name: 'add' } } }, { type: 'tool', name: 'add' }],
    ['one at a time', { parallel_tool_calls: false }, { type: 'auto', disable_parallel_tool_use: true }],
    ['nothing said', { parallel_tool_calls: true }, undefined],
  ])('are chosen: %s', (_what, body, expected) => {
    expect(translate({ tools, ...body })['tool_choice']).toEqual(expected);
  });

  test('a choice without tools is left out, because the API refuses it', () => {
    expect(translate({ tool_choice: 'auto', parallel_tool_calls: false })).not.toHaveProperty('tool_choice');
  });
});

describe('what cannot be expressed is refused by name', () => {
  const user = (part: unknown) => ({ messages: [{ role: 'user', content: [part] }] });

  test.each<[string, object]>([
    ['n', { n: 2 }],
    ['logprobs', { logprobs: true }],
    ['modalities', { modalities: ['text', 'audio'] }],
    ['functions', { functions: [] }],
    ['response_format', { response_format: { type: 'json_object' } }],
    ['tools[0].type', { tools: [{ type: 'web_search' }] }],
    ['tool_choice', { tools: [{ type: 'function', function: { name: 'x' } }], tool_choice: { type: 'allowed_tools' } }],
    ['messages', { messages: [{ role: 'system', content: 'alone' }] }],
    ['messages[0].role', { messages: [{ role: 'function', name: 'x', content: 'y' }] }],
    ['messages[0].content[0].type', user({ type: 'input_audio', input_audio: {} })],
    ['messages[0].content[0].image_url.url', user({ type: 'image_url', image_url: { url: 'http://plain.example' } })],
    ['messages[0].content[0].file', user({ type: 'file', file: { file_id: 'file-1' } })],
    [
      'messages[0].tool_calls[0].function.arguments',
      { messages: [{ role: 'assistant', tool_calls: [{ id: 'c', function: { name: 'x', arguments: '[1' } }] }] },
    ],
  ])('%s', (param, body) => expect(refusal(body)).toEqual(['VALUE_ERROR', param]));

  test.each<[string, object]>([
    ['messages', { messages: 'hi' }],
    ['messages[1]', { messages: [...hello, 'hi'] }],
    ['messages[0].content', { messages: [{ role: 'user', content: 7 }] }],
    ['messages[0].tool_call_id', { messages: [{ role: 'tool', content: '' }] }],
    ['messages[0].content[0]', user('hi')],
    ['tools', { tools: {} }],
    ['tools[0].function', { tools: [{ type: 'function' }] }],
    ['response_format', { response_format: 'json' }],
  ])('%s of the wrong shape', (param, body) => expect(refusal(body)).toEqual(['VALIDATION_ERROR', param]));
});

const claude = (name: string) => ({ model: buildModel('m', { upstreamName: name }) });

describe('what a model takes is known by its name', () => {
  const sampling = { temperature: 0.7, top_p: 0.9 };

  test.each([
    ['claude-3-haiku-20240307', { temperature: 0.7, top_p: 0.9 }],
    ['claude-sonnet-4-20250514', { temperature: 0.7 }],
    ['claude-opus-4-5', { temperature: 0.7 }],
    ['claude-opus-4-7', {}],
    ['anthropic/claude-sonnet-5', {}],
    ['claude-haiku-5.5', {}],
  ])('sampling of %s', (name, expected) => {
    const { temperature, top_p } = translate(sampling, claude(name));
    expect({ temperature, top_p }).toEqual({ temperature: undefined, top_p: undefined, ...expected });
  });

  test.each<[string, object, unknown, unknown]>([
    ['claude-opus-4-7', { reasoning_effort: 'high' }, { type: 'adaptive' }, { effort: 'high' }],
    ['claude-opus-4-7', { reasoning_effort: 'none' }, { type: 'disabled' }, undefined],
    ['claude-sonnet-4-5', { reasoning_effort: 'low' }, { type: 'enabled', budget_tokens: 1024 }, undefined],
    ['claude-sonnet-4-5', { reasoning_effort: 'low', max_tokens: 1000 }, undefined, undefined],
    ['claude-3-5-haiku', { reasoning_effort: 'high' }, undefined, undefined],
    ['claude-opus-4-7', {}, undefined, undefined],
  ])('thinking of %s asked %j', (name, body, thinking, config) => {
    const sent = translate(body, { ...claude(name), maxOutputTokens: 1000 });
    expect([sent['thinking'], sent['output_config']]).toEqual([thinking, config]);
  });

  test('a model that has to think before a call is not asked to while an unsigned one is answered', () => {
    const call = { id: 'c', type: 'function', function: { name: 'f', arguments: '{}' } };
    const conversation = [
      ...hello,
      { role: 'assistant', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c', content: '1' },
    ];
    const body = { messages: conversation, reasoning_effort: 'high' };
    expect(translate(body, claude('claude-sonnet-4-5'))).not.toHaveProperty('thinking');
    const signed = {
      role: 'assistant',
      tool_calls: [call],
      thinking_blocks: [{ type: 'thinking', thinking: 't', signature: 's' }],
    };
    const sent = translate({ ...body, messages: [...hello, signed, conversation.at(-1)] }, claude('claude-sonnet-4-5'));
    expect(sent).toMatchObject({
      thinking: { type: 'enabled' },
      messages: [{}, { content: [{ type: 'thinking', thinking: 't', signature: 's' }, { type: 'tool_use' }] }, {}],
    });
  });
});

test('marks for caches are carried, on parts, messages and tools', () => {
  const mark = { cache_control: { type: 'ephemeral' } };
  const sent = translate({
    messages: [
      { role: 'system', content: 'long', ...mark },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'a', ...mark },
          { type: 'text', text: 'b' },
        ],
      },
    ],
    tools: [{ type: 'function', function: { name: 'f' }, ...mark }],
  });
  expect(sent).toMatchObject({
    system: [{ text: 'long', ...mark }],
    messages: [{ content: [{ text: 'a', ...mark }, { text: 'b' }] }],
    tools: [{ name: 'f', ...mark }],
  });
});

test('a tool without a type of its schema gets one, and a call without a usable id a usable one', () => {
  const tools = [{ type: 'function', function: { name: 'f', parameters: { properties: {} } } }];
  expect(translate({ tools })['tools']).toEqual([{ name: 'f', input_schema: { type: 'object', properties: {} } }]);
  const call = { id: 'call:1', type: 'function', function: { name: 'f', arguments: '' } };
  const answered = [
    ...hello,
    { role: 'assistant', tool_calls: [call] },
    { role: 'tool', tool_call_id: 'call:1', content: '1' },
  ];
  expect(turns(answered).slice(1)).toMatchObject([
    { content: [{ type: 'tool_use', id: 'call_1', input: {} }] },
    { content: [{ type: 'tool_result', tool_use_id: 'call_1' }] },
  ]);
});
