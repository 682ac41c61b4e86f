import { inputText, type ReasoningPart } from '../../conversation/answer.ts';
import type { ContentPart, RequestPart, ResultPart, Turn } from '../../conversation/model-request.ts';
import type { JsonObject } from '../../json.ts';
import { notAvailable } from '../../refusals.ts';
import { isOpenaiModel, thinksOpenly } from './chat-models.ts';

/** The turns as chat messages. `model`: as the upstream calls it. */
export function writeTurns(turns: readonly Turn[], model: string): JsonObject[] {
  const messages: JsonObject[] = [];
  /** Instructions between a call and its result, which must follow it at once. */
  let waiting: JsonObject[] = [];
  for (const turn of turns) {
    if (turn.role === 'assistant') messages.push(...waiting, ...writeAssistant(turn.parts, model));
    else if (turn.role === 'user') messages.push(...writeUser(turn.parts, waiting));
    else if (endsInCall(messages)) {
      waiting = [...waiting, ...writeSystem(turn)];
      continue;
    } else messages.push(...writeSystem(turn));
    waiting = [];
  }
  return [...messages, ...waiting];
}

function endsInCall(messages: readonly JsonObject[]): boolean {
  return messages.at(-1)?.['tool_calls'] !== undefined;
}

function writeSystem({ parts }: Turn): JsonObject[] {
  const content = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : [])).join('\n\n');
  return content === '' ? [] : [{ role: 'system', content }];
}

/**
 * Results of tools are messages of their own, and must follow the calls at once: they go first. Pictures in a result
 * follow as the user's, since the message of a tool holds text only.
 */
function writeUser(parts: readonly RequestPart[], waiting: readonly JsonObject[]): JsonObject[] {
  const results = parts.filter((part) => part.kind === 'result');
  const media = results.flatMap((result) => result.parts.filter(({ kind }) => kind !== 'text'));
  const said = parts.filter((part) => isContent(part));
  const content = joined([...media, ...said].map(writePart));
  return [...results.map(writeResult), ...waiting, ...(content.length === 0 ? [] : [{ role: 'user', content }])];
}

function isContent(part: RequestPart): part is ContentPart {
  return part.kind === 'text' || part.kind === 'image' || part.kind === 'file' || part.kind === 'audio';
}

function writeResult({ callId, parts }: ResultPart): JsonObject {
  const content = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : [])).join('\n');
  return { role: 'tool', tool_call_id: callId, content };
}

function writePart(part: ContentPart): JsonObject {
  switch (part.kind) {
    case 'text':
      return { type: 'text', text: part.text };
    case 'image':
      return { type: 'image_url', image_url: { url: part.url, detail: part.detail } };
    case 'audio':
      return { type: 'input_audio', input_audio: { data: part.data, format: part.format } };
    case 'file':
      if (!part.url.startsWith('data:'))
        throw notAvailable(part.at, 'must be a PDF in base64 or a text for this model.');
      return { type: 'file', file: { filename: part.name || 'document.pdf', file_data: part.url } };
  }
}

/** Plain text where it is all there is: not every server of chat completions takes lists of parts. */
function joined(parts: readonly JsonObject[]): string | readonly JsonObject[] {
  return parts.length === 1 && parts[0]?.['type'] === 'text' ? (parts[0]['text'] as string) : parts;
}

function writeAssistant(parts: readonly RequestPart[], model: string): JsonObject[] {
  const text = parts.map((part) => (part.kind === 'text' || part.kind === 'refusal' ? part.text : '')).join('');
  const calls = writeCalls(parts);
  if (text === '' && calls.length === 0) return [];
  return [
    {
      role: 'assistant',
      content: text === '' ? null : text,
      ...writeThoughts(parts, model),
      ...(calls.length === 0 ? {} : { tool_calls: calls }),
    },
  ];
}

/** Back to the model that thought them, under the name by which it reported them; OpenAI's own refuse the field. */
function writeThoughts(parts: readonly RequestPart[], model: string): JsonObject {
  if (isOpenaiModel(model)) return {};
  const thoughts = parts.filter((part) => part.kind === 'reasoning' && part.text !== '') as ReasoningPart[];
  const own = thoughts.filter(({ seal }) => seal?.origin === 'chat' || thinksOpenly(model));
  if (own.length === 0) return {};
  const field = own.find(({ seal }) => seal?.origin === 'chat')?.seal?.data ?? 'reasoning_content';
  return { [field]: own.map(({ text }) => text).join('') };
}

function writeCalls(parts: readonly RequestPart[]): JsonObject[] {
  const signatures = new Map<string | undefined, string>();
  for (const part of parts)
    if (part.kind === 'reasoning' && part.seal?.origin === 'chat' && part.seal.isHidden)
      signatures.set(part.seal.id, part.seal.data);
  return parts.flatMap((part) => {
    if (part.kind !== 'call') return [];
    const signature = signatures.get(part.id);
    const extra = signature === undefined ? {} : { extra_content: { google: { thought_signature: signature } } };
    const called = { name: part.name, arguments: inputText(part.input) };
    return [{ id: part.id, type: 'function', function: called, ...extra }];
  });
}
