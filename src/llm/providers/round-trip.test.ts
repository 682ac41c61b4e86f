import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildCallOf } from '../../../tests/support/model-call-builder.ts';
import { anthropic } from './anthropic.ts';
import { openai } from './openai.ts';
import type { AnswerTranslation } from './provider.ts';

type Json = Record<string, unknown>;

/** Anthropic refuses texts of nothing but spaces. */
const text = fc.string({ minLength: 1, unit: 'grapheme' }).filter((words) => words.trim() !== '');
const jsonText = fc
  .dictionary(fc.string(), fc.jsonValue())
  .map((value) => JSON.stringify(JSON.parse(JSON.stringify(value))));
const calls = (id: string) =>
  jsonText.map((written) => [{ id, type: 'function', function: { name: `tool_${id}`, arguments: written } }]);

/** A turn of the user, the assistant's answer, perhaps with a call that is then answered. */
const exchangeOfTurns = (n: number) =>
  fc
    .record({ asked: text, said: text, call: fc.option(calls(`c${n}`)), result: text })
    .map(({ asked, said, call, result }) => [
      { role: 'user', content: asked },
      call ? { role: 'assistant', content: said, tool_calls: call } : { role: 'assistant', content: said },
      ...(call ? [{ role: 'tool', tool_call_id: `c${n}`, content: result }] : []),
    ]);

const conversation = fc
  .tuple(fc.option(text), exchangeOfTurns(0), exchangeOfTurns(1))
  .map(([system, ...turns]) => [...(system === null ? [] : [{ role: 'system', content: system }]), ...turns.flat()]);

const sent = (provider: typeof openai, operation: 'chat' | 'messages', body: object): Json => {
  const call = buildCallOf(operation, body);
  return JSON.parse(String(provider.request(call, { path: call.path, bytes: call.bytes }).body));
};
const translationOf = (provider: typeof openai, operation: 'chat' | 'messages') =>
  provider.translation(buildCallOf(operation, {})) as AnswerTranslation;

test('a conversation keeps its roles, texts and calls on the way to the other language and back', () => {
  fc.assert(
    fc.property(conversation, (messages) => {
      const there = sent(anthropic, 'chat', { messages });
      expect(sent(openai, 'messages', there)['messages']).toEqual(messages);
    }),
  );
});

test('an answer keeps its text, calls, reason and usage on the way to the other language and back', () => {
  const usage = fc.record({ prompt_tokens: fc.integer({ min: 1, max: 1e6 }), completion_tokens: fc.nat(1e6) });
  const reason = fc.constantFrom('stop', 'length', 'tool_calls', 'content_filter');
  fc.assert(
    fc.property(text, fc.option(calls('c')), reason, usage, (content, call, finish_reason, used) => {
      const message = { role: 'assistant', content, refusal: null, ...(call ? { tool_calls: call } : {}) };
      const choices = [{ index: 0, message, logprobs: null, finish_reason }];
      const completion = { id: 'x', object: 'chat.completion', model: 'm', choices, usage: used };
      const there = translationOf(openai, 'messages').whole(Buffer.from(JSON.stringify(completion)));
      const back: unknown = JSON.parse(translationOf(anthropic, 'chat').whole(there).toString());
      const ended = call && finish_reason === 'stop' ? 'tool_calls' : finish_reason;
      expect(back).toMatchObject({ ...completion, choices: [{ ...choices[0], finish_reason: ended }], usage: used });
    }),
  );
});
