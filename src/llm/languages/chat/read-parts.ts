import type { ContentPart, RequestPart } from '../../conversation/model-request.ts';
import { isObject, type JsonObject, objectAt, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';

/** The content of a chat message of the user or a tool: a text, or a list of parts. */
export function readContent(content: unknown, at: string): ContentPart[] {
  return listed(content, at).map((part, i) => readPart(part, `${at}[${i}]`));
}

/** Content that can only be text: instructions, and what the assistant said. */
export function readWords(content: unknown, at: string): RequestPart[] {
  return listed(content, at).map((part, i) => readWord(part, `${at}[${i}]`));
}

function listed(content: unknown, at: string): readonly JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  if (!Array.isArray(content)) throw malformed(at, 'must be a text or a list of parts.');
  return content.map((part: unknown, i) => {
    if (!isObject(part)) throw malformed(`${at}[${i}]`, 'must be an object.');
    return part;
  });
}

function readWord(part: JsonObject, at: string): RequestPart {
  switch (part['type']) {
    case 'text':
      return { kind: 'text', text: textAt(part, 'text'), at, ...cacheOf(part) };
    case 'refusal':
      return { kind: 'refusal', text: textAt(part, 'refusal'), at };
    default:
      throw notAvailable(`${at}.type`, 'must be text for this model.');
  }
}

function readPart(part: JsonObject, at: string): ContentPart {
  switch (part['type']) {
    case 'text':
      return { kind: 'text', text: textAt(part, 'text'), at, ...cacheOf(part) };
    case 'image_url':
      return { ...readImage(part, `${at}.image_url.url`), ...cacheOf(part) };
    case 'file':
      return { ...readFile(objectAt(part, 'file'), `${at}.file`), ...cacheOf(part) };
    case 'input_audio': {
      const audio = objectAt(part, 'input_audio');
      return { kind: 'audio', data: textAt(audio, 'data'), format: textAt(audio, 'format'), at: `${at}.type` };
    }
    default:
      throw notAvailable(`${at}.type`, 'must be text, image_url or file for this model.');
  }
}

/** Some clients write the address without the object around it. */
function readImage(part: JsonObject, at: string): ContentPart {
  const image = objectAt(part, 'image_url');
  const url = textAt(image, 'url') || textAt(part, 'image_url');
  return { kind: 'image', url, detail: textAt(image, 'detail') || undefined, at };
}

function readFile(file: JsonObject, at: string): ContentPart {
  const url = textAt(file, 'file_data');
  if (url === '') throw notAvailable(at, 'must hold a PDF as a data: URL in base64 in "file_data" for this model.');
  return { kind: 'file', url, name: textAt(file, 'filename'), at };
}

/** Not of OpenAI's API, but what its clients write for models of Anthropic's. */
function cacheOf(part: JsonObject): { cache?: JsonObject } {
  const { cache_control: cache } = part as { cache_control?: unknown };
  return isObject(cache) ? { cache } : {};
}
