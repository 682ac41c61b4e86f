import type { ModelCall } from '../../../exchange/model-call.ts';
import { inputText, type ReasoningPart } from '../../conversation/answer.ts';
import type {
  ContentPart,
  ModelRequest,
  OutputFormat,
  RequestPart,
  Tool,
  Turn,
} from '../../conversation/model-request.ts';
import { type JsonObject } from '../../json.ts';
import { notAvailable } from '../../refusals.ts';
import { reasons } from '../chat/chat-models.ts';
import { outputLimit } from '../output-limit.ts';
import { isStrictSchema } from '../schema-form.ts';

const NO_PARAMETERS = { type: 'object', properties: {} };

/** A request for a response. Values that are `undefined` are no fields. */
export function writeRequest(request: ModelRequest, call: ModelCall): JsonObject {
  const { tools, reasoning, toolChoice } = request;
  const { upstreamName } = call.model;
  const canReason = reasons(upstreamName);
  const hasTools = tools.length > 0;
  return {
    model: upstreamName,
    input: request.turns.flatMap(writeTurn),
    max_output_tokens: outputLimit(call),
    temperature: canReason ? undefined : request.temperature,
    top_p: canReason ? undefined : request.topP,
    tools: hasTools ? tools.map(writeTool) : undefined,
    tool_choice: hasTools
      ? toolChoice?.kind === 'one'
        ? { type: 'function', name: toolChoice.name }
        : toolChoice?.kind
      : undefined,
    parallel_tool_calls: hasTools && request.isSequential ? false : undefined,
    text: writeFormat(request.format),
    reasoning:
      canReason && reasoning
        ? { effort: reasoning.effort, summary: reasoning.isShown ? 'auto' : undefined }
        : undefined,
    // The conversation is the client's: nothing is kept, and thoughts come back with it.
    store: false,
    include: canReason ? ['reasoning.encrypted_content'] : undefined,
    stream: call.isStream || undefined,
  };
}

function writeTool({ name, description, parameters }: Tool): JsonObject {
  return { type: 'function', name, description, parameters: parameters ?? NO_PARAMETERS, strict: false };
}

function writeFormat(format: OutputFormat | undefined): JsonObject | undefined {
  if (!format) return undefined;
  if (format.kind === 'object') return { format: { type: 'json_object' } };
  const { name, schema, isStrict } = format;
  return { format: { type: 'json_schema', name, schema, strict: isStrict && isStrictSchema(schema) } };
}

function writeTurn({ role, parts }: Turn): JsonObject[] {
  const items: JsonObject[] = [];
  let said: JsonObject[] = [];
  const flush = (): void => {
    if (said.length > 0) items.push({ type: 'message', role, content: said });
    said = [];
  };
  for (const part of parts) {
    const item = writeItem(part);
    if (item === undefined) said.push(writePart(part, role));
    else {
      flush();
      items.push(...item);
    }
  }
  flush();
  return items;
}

/** What is an item of its own; `undefined` for what a message holds. */
function writeItem(part: RequestPart): JsonObject[] | undefined {
  switch (part.kind) {
    case 'reasoning':
      return writeThought(part);
    case 'call':
      return [{ type: 'function_call', call_id: part.id, name: part.name, arguments: inputText(part.input) }];
    case 'result': {
      const isText = part.parts.every(({ kind }) => kind === 'text');
      const written = part.parts.map((piece) => writePart(piece, 'user'));
      const output = isText ? written.map(({ text }) => text).join('\n') : written;
      return [{ type: 'function_call_output', call_id: part.callId, output }];
    }
    case 'text':
    case 'refusal':
    case 'image':
    case 'file':
    case 'audio':
      return undefined;
  }
}

/** Only what the API sealed itself. */
function writeThought({ text, seal }: ReasoningPart): JsonObject[] {
  if (seal?.origin !== 'responses') return [];
  const summary = text === '' ? [] : [{ type: 'summary_text', text }];
  return [{ type: 'reasoning', id: seal.id, summary, encrypted_content: seal.data }];
}

function writePart(part: RequestPart | ContentPart, role: Turn['role']): JsonObject {
  switch (part.kind) {
    case 'text':
      return { type: role === 'assistant' ? 'output_text' : 'input_text', text: part.text };
    case 'refusal':
      return { type: 'refusal', refusal: part.text };
    case 'image':
      return { type: 'input_image', image_url: part.url, detail: part.detail ?? 'auto' };
    case 'file': {
      const where = part.url.startsWith('data:')
        ? { filename: part.name || 'document.pdf', file_data: part.url }
        : { file_url: part.url };
      return { type: 'input_file', ...where };
    }
    case 'audio':
    case 'reasoning':
    case 'call':
    case 'result':
      throw notAvailable(part.at, 'must be text, an image or a file for this model.');
  }
}
