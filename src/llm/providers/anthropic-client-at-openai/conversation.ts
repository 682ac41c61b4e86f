import { isObject, type JsonObject } from '../json.ts';
import { malformed, notAvailable } from '../refusals.ts';
import { blocksAt, onlyText, isMedia, mediaPart, textOfBlocks } from './blocks.ts';

/** `system` as the one message with instructions that every server of chat completions takes. */
export function translateSystem(system: unknown): JsonObject[] {
  if (system === undefined || system === null) return [];
  const text = blocksAt(system, 'system').map(onlyText('system')).join('\n\n');
  return text === '' ? [] : [{ role: 'system', content: text }];
}

export function translateMessages(messages: unknown): JsonObject[] {
  if (!Array.isArray(messages)) throw malformed('messages', 'must be a list.');
  return messages.flatMap((message: unknown, i) => {
    const param = `messages[${i}]`;
    if (!isObject(message)) throw malformed(param, 'must be an object.');
    const blocks = blocksAt(message['content'], `${param}.content`);
    if (message['role'] === 'user') return userMessages(blocks, `${param}.content`);
    if (message['role'] === 'assistant') return assistantMessages(blocks, `${param}.content`);
    throw malformed(`${param}.role`, 'must be "user" or "assistant".');
  });
}

/**
 * Results of tools are messages of their own, and must follow the calls at once: they go first. Pictures in a result
 * follow as the user's, since the message of a tool holds text only.
 */
function userMessages(blocks: readonly JsonObject[], param: string): JsonObject[] {
  const results: JsonObject[] = [];
  const parts: JsonObject[] = [];
  blocks.forEach((block, i) => {
    const at = `${param}[${i}]`;
    if (block['type'] !== 'tool_result') return void parts.push(userPart(block, at));
    const content = block['content'] ?? '';
    const told = blocksAt(content, `${at}.content`);
    results.push({ role: 'tool', tool_call_id: block['tool_use_id'], content: textOfBlocks(told) });
    parts.push(...told.filter(isMedia).map((media) => mediaPart(media, `${at}.content`)));
  });
  return parts.length === 0 ? results : [...results, { role: 'user', content: joined(parts) }];
}

function userPart(block: JsonObject, param: string): JsonObject {
  if (block['type'] === 'text') return { type: 'text', text: block['text'] };
  if (isMedia(block)) return mediaPart(block, param);
  throw notAvailable(`${param}.type`, 'must be text, image, document or tool_result for this model.');
}

/** Plain text where it is all there is: not every server of chat completions takes lists of parts. */
function joined(parts: readonly JsonObject[]): unknown {
  return parts.length === 1 && parts[0]?.['type'] === 'text' ? parts[0]['text'] : parts;
}

function assistantMessages(blocks: readonly JsonObject[], param: string): JsonObject[] {
  const calls: JsonObject[] = [];
  blocks.forEach((block, i) => {
    const { type, id, name, input } = block;
    if (type === 'tool_use')
      calls.push({ id, type: 'function', function: { name, arguments: JSON.stringify(input ?? {}) } });
    // What another model thought is of no use to this one, and signed for that one alone.
    else if (type !== 'text' && type !== 'thinking' && type !== 'redacted_thinking')
      throw notAvailable(`${param}[${i}].type`, 'must be text or tool_use for this model.');
  });
  const text = textOfBlocks(blocks);
  if (text === '' && calls.length === 0) return [];
  const content = text === '' ? null : text;
  return [{ role: 'assistant', content, ...(calls.length === 0 ? {} : { tool_calls: calls }) }];
}
