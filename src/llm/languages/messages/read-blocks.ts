import type { ContentPart, RequestPart } from '../../conversation/model-request.ts';
import { unpackSeal } from '../../conversation/seal.ts';
import { isObject, type JsonObject, objectAt, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';

/** Content of the Messages API, a text or a list of blocks, as blocks. */
export function listedBlocks(content: unknown, at: string): readonly JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  if (Array.isArray(content) && content.every(isObject)) return content;
  throw malformed(at, 'must be a text or a list of blocks.');
}

export function readInstruction(block: JsonObject, at: string): RequestPart {
  if (block['type'] !== 'text') throw malformed(`${at}.type`, 'must be text: instructions are text only.');
  return { kind: 'text', text: textAt(block, 'text'), at, ...cacheOf(block) };
}

export function readBlock(block: JsonObject, role: 'user' | 'assistant', at: string): RequestPart[] {
  return role === 'user' ? readUserBlock(block, at) : readAssistantBlock(block, at);
}

function readUserBlock(block: JsonObject, at: string): RequestPart[] {
  if (block['type'] === 'tool_result') return [readResult(block, at)];
  const parts = readContent(block, at);
  if (parts) return parts;
  throw notAvailable(`${at}.type`, 'must be text, image, document, search_result or tool_result for this model.');
}

function readAssistantBlock(block: JsonObject, at: string): RequestPart[] {
  switch (block['type']) {
    case 'text':
      return [{ kind: 'text', text: textAt(block, 'text'), at, ...cacheOf(block) }];
    case 'tool_use': {
      const input = JSON.stringify(block['input'] ?? {});
      return [{ kind: 'call', id: textAt(block, 'id'), name: textAt(block, 'name'), input, at: `${at}.input` }];
    }
    case 'thinking':
      return [{ kind: 'reasoning', text: textAt(block, 'thinking'), ...readSeal(block, 'signature'), at }];
    case 'redacted_thinking':
      return [{ kind: 'reasoning', text: '', ...readSeal(block, 'data'), at }];
    default:
      throw notAvailable(`${at}.type`, 'must be text, tool_use, thinking or redacted_thinking for this model.');
  }
}

function readSeal(block: JsonObject, field: 'signature' | 'data'): Pick<RequestPart & { kind: 'reasoning' }, 'seal'> {
  const data = textAt(block, field);
  const hidden = field === 'data' ? { isHidden: true } : {};
  return { seal: data === '' ? undefined : (unpackSeal(data) ?? { origin: 'messages', data, ...hidden }) };
}

function readResult(block: JsonObject, at: string): RequestPart {
  const callId = textAt(block, 'tool_use_id');
  if (callId === '') throw malformed(`${at}.tool_use_id`, 'must name the call that is answered.');
  const content = block['content'] ?? '';
  const parts = listedBlocks(content, `${at}.content`).flatMap((part, i) => {
    const place = `${at}.content[${i}]`;
    const read = readContent(part, place);
    if (read) return read;
    throw notAvailable(`${place}.type`, 'must be text, image, document or search_result for this model.');
  });
  return { kind: 'result', callId, isError: block['is_error'] === true, parts, at, ...cacheOf(block) };
}

/** What a user or a tool may bring; `undefined` for blocks of other types. */
function readContent(block: JsonObject, at: string): ContentPart[] | undefined {
  switch (block['type']) {
    case 'text':
      return [{ kind: 'text', text: textAt(block, 'text'), at, ...cacheOf(block) }];
    case 'image':
      return [{ kind: 'image', url: imageUrl(block, at), detail: undefined, at: `${at}.source`, ...cacheOf(block) }];
    case 'document':
      return readDocument(block, at);
    case 'search_result':
      return [{ kind: 'text', text: searchText(block, at), at, ...cacheOf(block) }];
    default:
      return undefined;
  }
}

function imageUrl(block: JsonObject, at: string): string {
  const source = objectAt(block, 'source');
  if (source['type'] === 'base64') return dataUrl(source);
  if (source['type'] === 'url') return textAt(source, 'url');
  throw notAvailable(`${at}.source.type`, 'must be base64 or url for this model.');
}

function readDocument(block: JsonObject, at: string): ContentPart[] {
  const source = objectAt(block, 'source');
  const place = `${at}.source`;
  const cache = cacheOf(block);
  switch (source['type']) {
    case 'text':
      return [{ kind: 'text', text: textAt(source, 'data'), at, ...cache }];
    case 'content':
      return listedBlocks(source['content'], `${place}.content`).flatMap((part, i) => {
        const within = `${place}.content[${i}]`;
        return readContent(part, within) ?? [refused(`${within}.type`, 'must be text or image for this model.')];
      });
    case 'base64':
      return [{ kind: 'file', url: dataUrl(source), name: textAt(block, 'title'), at: place, ...cache }];
    case 'url':
      return [{ kind: 'file', url: textAt(source, 'url'), name: textAt(block, 'title'), at: place, ...cache }];
    default:
      throw notAvailable(`${place}.type`, 'must be base64, text, content or url for this model.');
  }
}

function refused(param: string, detail: string): never {
  throw notAvailable(param, detail);
}

function dataUrl(source: JsonObject): string {
  return `data:${textAt(source, 'media_type')};base64,${textAt(source, 'data')}`;
}

/** What was found, with its title and its source, which other APIs have no fields for. */
function searchText(block: JsonObject, at: string): string {
  const texts = listedBlocks(block['content'] ?? '', `${at}.content`).map((part) => textAt(part, 'text'));
  return [textAt(block, 'title'), textAt(block, 'source'), ...texts].filter(Boolean).join('\n');
}

function cacheOf(block: JsonObject): { cache?: JsonObject } {
  const { cache_control: cache } = block as { cache_control?: unknown };
  return isObject(cache) ? { cache } : {};
}
