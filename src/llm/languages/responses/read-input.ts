import type { ContentPart, RequestPart, Turn } from '../../conversation/model-request.ts';
import { unpackSeal } from '../../conversation/seal.ts';
import { isObject, type JsonObject, objectsAt, textAt } from '../../json.ts';
import { malformed, notAvailable } from '../../refusals.ts';
import { spacedName } from './tool-names.ts';

/** `instructions` and `input` as turns: items of one side that follow each other are one turn. */
export function readInput(body: JsonObject): Turn[] {
  const { instructions, input } = body;
  const turns: Turn[] = [];
  if (typeof instructions === 'string') turns.push(systemTurn([words(instructions, 'instructions')], 'instructions'));
  if (typeof input === 'string') turns.push({ role: 'user', at: 'input', parts: [words(input, 'input')] });
  else if (Array.isArray(input)) input.forEach((item: unknown, i) => append(turns, readItem(item, `input[${i}]`)));
  else throw malformed('input', 'must be a text or a list of items.');
  return turns;
}

function append(turns: Turn[], turn: Turn): void {
  const last = turns.at(-1);
  if (last?.role !== turn.role || turn.role === 'system') turns.push(turn);
  else turns[turns.length - 1] = { ...last, parts: [...last.parts, ...turn.parts] };
}

function systemTurn(parts: readonly RequestPart[], at: string): Turn {
  return { role: 'system', at, parts };
}

function words(text: string, at: string): ContentPart {
  return { kind: 'text', text, at };
}

function readItem(item: unknown, at: string): Turn {
  if (!isObject(item)) throw malformed(at, 'must be an object.');
  const { type = 'message' } = item;
  switch (type) {
    case 'message':
      return readMessage(item, at);
    case 'function_call':
      return { role: 'assistant', at, parts: [callPart(item, textAt(item, 'arguments'), `${at}.arguments`)] };
    case 'custom_tool_call': {
      const input = JSON.stringify({ input: textAt(item, 'input') });
      return { role: 'assistant', at, parts: [callPart(item, input, `${at}.input`)] };
    }
    case 'function_call_output':
    case 'custom_tool_call_output':
      return { role: 'user', at, parts: [readOutput(item, at)] };
    case 'reasoning':
      return { role: 'assistant', at, parts: [readThought(item, at)] };
    default:
      throw notAvailable(
        `${at}.type`,
        'must be message, function_call, function_call_output, custom_tool_call, custom_tool_call_output or reasoning for this model.',
      );
  }
}

function readMessage(item: JsonObject, at: string): Turn {
  const { role, content } = item;
  const place = `${at}.content`;
  switch (role) {
    case 'system':
    case 'developer':
      return systemTurn(readWords(content, place), at);
    case 'assistant':
      return { role, at, parts: readWords(content, place) };
    case 'user':
      return { role, at, parts: readContent(content, place) };
    default:
      throw notAvailable(`${at}.role`, 'must be system, developer, user or assistant for this model.');
  }
}

function listed(content: unknown, at: string): readonly JsonObject[] {
  if (typeof content === 'string') return content === '' ? [] : [{ type: 'input_text', text: content }];
  if (Array.isArray(content) && content.every(isObject)) return content;
  throw malformed(at, 'must be a text or a list of parts.');
}

function readWords(content: unknown, at: string): RequestPart[] {
  return listed(content, at).map((part, i): RequestPart => {
    const { type } = part;
    if (type === 'refusal') return { kind: 'refusal', text: textAt(part, 'refusal'), at: `${at}[${i}]` };
    if (type === 'input_text' || type === 'output_text' || type === 'text')
      return words(textAt(part, 'text'), `${at}[${i}]`);
    throw notAvailable(`${at}[${i}].type`, 'must be input_text, output_text or refusal for this model.');
  });
}

function readContent(content: unknown, at: string): ContentPart[] {
  return listed(content, at).map((part, i) => readPart(part, `${at}[${i}]`));
}

function readPart(part: JsonObject, at: string): ContentPart {
  switch (part['type']) {
    case 'input_text':
    case 'output_text':
    case 'text':
      return words(textAt(part, 'text'), at);
    case 'input_image': {
      const url = textAt(part, 'image_url');
      if (url === '') throw notAvailable(`${at}.image_url`, 'must be an address or a data: URL for this model.');
      return { kind: 'image', url, detail: textAt(part, 'detail') || undefined, at: `${at}.image_url` };
    }
    case 'input_file': {
      const url = textAt(part, 'file_data') || textAt(part, 'file_url');
      if (url === '') throw notAvailable(at, 'must hold "file_data" or "file_url" for this model.');
      return { kind: 'file', url, name: textAt(part, 'filename'), at };
    }
    default:
      throw notAvailable(`${at}.type`, 'must be input_text, input_image or input_file for this model.');
  }
}

function callPart(item: JsonObject, input: string, at: string): RequestPart {
  const name = spacedName(textAt(item, 'namespace'), textAt(item, 'name'));
  return { kind: 'call', id: callId(item, at), name, input, at };
}

function callId(item: JsonObject, at: string): string {
  const id = textAt(item, 'call_id');
  if (id === '') throw malformed(`${at.replace(/\.\w+$/, '')}.call_id`, 'must name the call.');
  return id;
}

function readOutput(item: JsonObject, at: string): RequestPart {
  const parts = readContent(item['output'] ?? '', `${at}.output`);
  return { kind: 'result', callId: callId(item, at), isError: false, parts, at };
}

function readThought(item: JsonObject, at: string): RequestPart {
  const texts = [...objectsAt(item, 'summary'), ...objectsAt(item, 'content')].map((piece) => textAt(piece, 'text'));
  const data = textAt(item, 'encrypted_content');
  const own = { origin: 'responses', data, id: textAt(item, 'id') } as const;
  return { kind: 'reasoning', text: texts.join('\n\n'), seal: data === '' ? undefined : (unpackSeal(data) ?? own), at };
}
