import { inputText, type ReasoningPart } from '../../conversation/answer.ts';
import type { ContentPart, RequestPart, ResultPart, Turn } from '../../conversation/model-request.ts';
import type { JsonObject } from '../../json.ts';
import { ObjectText } from '../../object-text.ts';
import { notAvailable } from '../../refusals.ts';

interface Message {
  readonly role: 'user' | 'assistant';
  readonly content: JsonObject[];
}

/** `system` and `messages` of the Messages API. */
interface Conversation {
  readonly system: readonly JsonObject[] | undefined;
  readonly messages: readonly Message[];
}

/**
 * Instructions go before the conversation wherever they stood, and neighbours of one role become one message: older
 * models take nothing else.
 */
export function writeConversation(turns: readonly Turn[]): Conversation {
  const system: JsonObject[] = [];
  const messages: Message[] = [];
  for (const { role, parts } of turns) {
    const blocks = parts.flatMap(writeBlock);
    if (role === 'system') system.push(...blocks);
    else append(messages, { role, content: blocks });
  }
  if (messages.length === 0) throw notAvailable('messages', 'must hold a message of the user or the assistant.');
  return { system: system.length === 0 ? undefined : system, messages: messages.map(resultsFirst) };
}

/** A turn without content says nothing, and the API refuses it. */
function append(messages: Message[], message: Message): void {
  if (message.content.length === 0) return;
  const last = messages.at(-1);
  if (last?.role === message.role) last.content.push(...message.content);
  else messages.push(message);
}

/** Results have to follow their calls at once. */
function resultsFirst({ role, content }: Message): Message {
  const isResult = ({ type }: JsonObject): boolean => type === 'tool_result';
  if (!content.some(isResult)) return { role, content };
  return { role, content: [...content.filter(isResult), ...content.filter((block) => !isResult(block))] };
}

function writeBlock(part: RequestPart): JsonObject[] {
  switch (part.kind) {
    case 'reasoning':
      return writeThought(part);
    case 'call':
      return [writeCall(part)];
    case 'result':
      return [writeResult(part)];
    case 'refusal':
      return textBlock(part.text);
    case 'text':
    case 'image':
    case 'file':
    case 'audio':
      return writeContent(part);
  }
}

/** The API refuses texts of nothing but spaces. */
function textBlock(text: string, cache?: JsonObject): JsonObject[] {
  return text.trim() === '' ? [] : [{ type: 'text', text, cache_control: cache }];
}

/** What another model thought is of no use to this one, and the API refuses it without its own signature. */
function writeThought({ text, seal }: ReasoningPart): JsonObject[] {
  if (seal?.origin !== 'messages') return [];
  if (seal.isHidden) return [{ type: 'redacted_thinking', data: seal.data }];
  return [{ type: 'thinking', thinking: text, signature: seal.data }];
}

function writeCall(part: RequestPart & { kind: 'call' }): JsonObject {
  const refusal = () => notAvailable(part.at, 'must be the text of a JSON object for this model.');
  const input = new ObjectText(inputText(part.input), refusal);
  return { type: 'tool_use', id: plainId(part.id), name: part.name, input, cache_control: part.cache };
}

function writeResult({ callId, isError, parts, cache }: ResultPart & { cache?: JsonObject | undefined }): JsonObject {
  const content = parts.flatMap(writeContent);
  return {
    type: 'tool_result',
    tool_use_id: plainId(callId),
    content: content.length === 0 ? undefined : content,
    is_error: isError || undefined,
    cache_control: cache,
  };
}

/** The API takes ids of these characters only. */
function plainId(id: string): string {
  return id.replace(/[^\w-]/g, '_');
}

/** RFC 2397, in the only form in which the APIs take data: with a media type, base64. */
const DATA_URL = /^data:([^;,]+);base64,/;

function writeContent(part: ContentPart): JsonObject[] {
  switch (part.kind) {
    case 'text':
      return textBlock(part.text, part.cache);
    case 'image':
      return [{ type: 'image', source: imageSource(part.url, part.at), cache_control: part.cache }];
    case 'file':
      return [{ ...writeDocument(part), cache_control: part.cache }];
    case 'audio':
      throw notAvailable(part.at, 'must be text, an image or a file for this model.');
  }
}

function imageSource(url: string, at: string): JsonObject {
  const data = DATA_URL.exec(url);
  if (data) return { type: 'base64', media_type: data[1], data: url.slice(data[0].length) };
  if (url.startsWith('https://')) return { type: 'url', url };
  throw notAvailable(at, 'must be an https address or a data: URL in base64 for this model.');
}

function writeDocument({ url, name, at }: ContentPart & { kind: 'file' }): JsonObject {
  const title = name === '' ? {} : { title: name };
  if (url.startsWith('https://')) return { type: 'document', source: { type: 'url', url }, ...title };
  const data = DATA_URL.exec(url);
  const text = data?.[1]?.startsWith('text/') ? Buffer.from(url.slice(data[0].length), 'base64').toString() : undefined;
  if (text !== undefined)
    return { type: 'document', source: { type: 'text', media_type: 'text/plain', data: text }, ...title };
  if (data?.[1] !== 'application/pdf')
    throw notAvailable(at, 'must hold a PDF or a text as a data: URL in base64 for this model.');
  const source = { type: 'base64', media_type: data[1], data: url.slice(data[0].length) };
  return { type: 'document', source, ...title };
}
