import { isObject, type JsonObject, objectAt, textAt } from '../json.ts';
import { malformed, notAvailable } from '../refusals.ts';

/** Content of the Messages API, a text or a list of blocks, as blocks. */
export function blocksAt(content: unknown, param: string): readonly JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'text', text: content }];
  if (Array.isArray(content) && content.every(isObject)) return content;
  throw malformed(param, 'must be a text or a list of blocks.');
}

/** The texts of these blocks in one; the others say nothing here. */
export function textOfBlocks(blocks: readonly JsonObject[]): string {
  return blocks
    .filter(({ type }) => type === 'text')
    .map((block) => textAt(block, 'text'))
    .join('');
}

/** Reads a block that can only be a text. */
export function onlyText(param: string): (block: JsonObject) => string {
  return (block) => {
    if (block['type'] !== 'text') throw malformed(param, 'must be a text or a list of texts.');
    return textAt(block, 'text');
  };
}

export function isMedia({ type }: JsonObject): boolean {
  return type === 'image' || type === 'document';
}

/** A picture or document as a part of a chat message. */
export function mediaPart(block: JsonObject, param: string): JsonObject {
  const source = objectAt(block, 'source');
  if (block['type'] === 'image') return { type: 'image_url', image_url: { url: imageUrl(source, param) } };
  if (source['type'] === 'text') return { type: 'text', text: textAt(source, 'data') };
  const type = textAt(source, 'media_type');
  if (source['type'] !== 'base64' || type !== 'application/pdf')
    throw notAvailable(`${param}.source`, 'must be a PDF in base64 or a text for this model.');
  const filename = textAt(block, 'title') || 'document.pdf';
  return { type: 'file', file: { filename, file_data: `data:${type};base64,${textAt(source, 'data')}` } };
}

function imageUrl(source: JsonObject, param: string): string {
  if (source['type'] === 'base64') return `data:${textAt(source, 'media_type')};base64,${textAt(source, 'data')}`;
  if (source['type'] === 'url') return textAt(source, 'url');
  throw notAvailable(`${param}.source.type`, 'must be base64 or url for this model.');
}
