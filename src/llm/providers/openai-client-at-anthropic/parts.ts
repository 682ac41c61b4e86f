import { isObject, type JsonObject, textAt } from '../json.ts';
import { malformed, notAvailable } from '../refusals.ts';

/** RFC 2397, in the only form in which the APIs take data: with a media type, base64. */
const DATA_URL = /^data:([^;,]+);base64,/;

/**
 * The content of a chat message, a text or a list of parts, as blocks of the Messages API. Empty texts, which that API
 * refuses, are left out. `takes` `text`: instructions and what the assistant or a tool says is text only.
 */
export function translateParts(content: unknown, param: string, takes: 'text' | 'any'): JsonObject[] {
  if (typeof content === 'string') return textBlocks(content);
  if (!Array.isArray(content)) throw malformed(param, 'must be a text or a list of parts.');
  return content.flatMap((part: unknown, i) => translatePart(part, `${param}[${i}]`, takes));
}

function textBlocks(text: string): JsonObject[] {
  return text === '' ? [] : [{ type: 'text', text }];
}

function translatePart(part: unknown, param: string, takes: 'text' | 'any'): JsonObject[] {
  if (!isObject(part)) throw malformed(param, 'must be an object.');
  if (part['type'] === 'text') return textBlocks(textAt(part, 'text'));
  if (part['type'] === 'refusal') return textBlocks(textAt(part, 'refusal'));
  if (takes === 'any' && part['type'] === 'image_url') return [imageBlock(part, param)];
  if (takes === 'any' && part['type'] === 'file') return [documentBlock(part, param)];
  throw notAvailable(
    `${param}.type`,
    `must be ${takes === 'any' ? 'text, image_url or file' : 'text'} for this model.`,
  );
}

function imageBlock(part: JsonObject, param: string): JsonObject {
  const { image_url: image } = part as { image_url?: unknown };
  const url = isObject(image) ? textAt(image, 'url') : '';
  const data = DATA_URL.exec(url);
  if (data) return { type: 'image', source: base64Source(data, url) };
  if (url.startsWith('https://')) return { type: 'image', source: { type: 'url', url } };
  throw notAvailable(`${param}.image_url.url`, 'must be an https address or a data: URL in base64 for this model.');
}

function documentBlock(part: JsonObject, param: string): JsonObject {
  const { file } = part as { file?: unknown };
  const url = isObject(file) ? textAt(file, 'file_data') : '';
  const data = DATA_URL.exec(url);
  if (data?.[1] === 'application/pdf') return { type: 'document', source: base64Source(data, url) };
  throw notAvailable(`${param}.file`, 'must hold a PDF as a data: URL in base64 in "file_data" for this model.');
}

function base64Source(data: RegExpExecArray, url: string): JsonObject {
  return { type: 'base64', media_type: data[1], data: url.slice(data[0].length) };
}
