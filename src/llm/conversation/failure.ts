import { isObject, type JsonObject, parseJson, textAt } from '../json.ts';

/** An error as an upstream reported it. Fields it did not report are empty. */
export interface Failure {
  readonly message: string;
  readonly type: string;
  readonly code: string;
  /** The field of the request at fault. */
  readonly param: string;
}

const NOTHING: Failure = { message: '', type: '', code: '', param: '' };
/** Characters of an answer that is no JSON, an error page for one, which are worth repeating. */
const LONGEST_TEXT = 500;

/** The error in the body of an answer, whatever server wrote it. */
export function failureIn(body: Buffer, status: number): Failure {
  const text = body.toString();
  const told = readFailure(parseJson(text) ?? plainText(text));
  return told.message === '' ? { ...told, message: `The upstream answered with status ${status}.` } : told;
}

/**
 * An error in any of the usual forms: `{"error": {…}}` (OpenAI, Anthropic), in a list (Gemini), `{"error": "…"}` (Ollama,
 * TGI), `{"detail": …}` (FastAPI), `{"message": …}` (vLLM, Mistral), or a bare text.
 */
export function readFailure(value: unknown): Failure {
  if (Array.isArray(value)) return readFailure(value[0]);
  if (typeof value === 'string') return { ...NOTHING, message: value };
  if (!isObject(value)) return NOTHING;
  const { error } = value as { error?: unknown };
  if (isObject(error)) return readFailure(error);
  return {
    message: textIn(value['message']) || textIn(value['detail']) || textIn(error) || textIn(value['errors']),
    type: textAt(value, 'type') || textAt(value, 'status'),
    code: textAt(value, 'code'),
    param: textAt(value, 'param'),
  };
}

function textIn(value: unknown): string {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map(textIn).filter(Boolean).join('; ');
  return isObject(value) ? placed(value) : '';
}

/** FastAPI names the place of a fault in `loc`, others nest the text. */
function placed(fault: JsonObject): string {
  const text = textAt(fault, 'msg') || textIn(fault['message']) || textIn(fault['detail']);
  const { loc } = fault as { loc?: unknown };
  return text !== '' && Array.isArray(loc) ? `${loc.join('.')}: ${text}` : text;
}

/** An error page in HTML says nothing to the client of an API. */
function plainText(text: string): string {
  const trimmed = text.trim();
  return trimmed.startsWith('<') ? '' : trimmed.slice(0, LONGEST_TEXT);
}
