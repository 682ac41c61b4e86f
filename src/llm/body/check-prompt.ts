import type { Rejection } from '../../errors/rejection.ts';
import type { Operation } from '../../exchange/model-call.ts';
import { isObject } from './check-fields.ts';
import { missing, unusable, wrongType } from './faults.ts';

type Body = Readonly<Record<string, unknown>>;

const CHAT_ROLES = new Set(['system', 'developer', 'user', 'assistant', 'tool', 'function']);
const MESSAGES_ROLES = new Set(['system', 'user', 'assistant']);

const EMPTY = 'must not be empty';
const INPUT_FORM = 'text, a list of texts or a list of token numbers';

/** What is wrong with the part of the body that the model is to read, if anything. */
export function findPromptFault(operation: Operation, body: Body): Rejection | undefined {
  if (operation === 'chat') return findMessagesFault(body['messages'], CHAT_ROLES);
  if (operation === 'messages' || operation === 'count_tokens')
    return findMessagesFault(body['messages'], MESSAGES_ROLES);
  if (operation === 'embeddings') return findInputFault(body['input']);
  return operation === 'embed' ? findTextFault(body['input_text']) : undefined;
}

function findMessagesFault(messages: unknown, roles: ReadonlySet<string>): Rejection | undefined {
  if (messages === undefined || messages === null) return missing('messages', 'a list of messages');
  if (!Array.isArray(messages)) return wrongType('messages', 'a list of messages');
  if (messages.length === 0) return unusable('messages', EMPTY);
  for (let i = 0; i < messages.length; i++) {
    const fault = findMessageFault(messages[i], i, roles);
    if (fault) return fault;
  }
  return undefined;
}

function findMessageFault(message: unknown, index: number, roles: ReadonlySet<string>): Rejection | undefined {
  if (!isObject(message)) return wrongType(`messages[${index}]`, 'an object with role and content');
  const { role, content } = message;
  if (role === undefined) return missing(`messages[${index}].role`, `one of ${[...roles].join(', ')}`);
  if (typeof role !== 'string') return wrongType(`messages[${index}].role`, 'text');
  if (!roles.has(role)) return unusable(`messages[${index}].role`, `must be one of ${[...roles].join(', ')}`);
  if (content === undefined || content === null || typeof content === 'string') return undefined;
  if (!Array.isArray(content)) return wrongType(`messages[${index}].content`, 'text or a list of parts');
  const odd = content.findIndex((part) => !isObject(part) || typeof part['type'] !== 'string');
  return odd === -1 ? undefined : wrongType(`messages[${index}].content[${odd}]`, 'an object with a type');
}

function findTextFault(text: unknown): Rejection | undefined {
  if (text === undefined || text === null) return missing('input_text', 'text');
  if (typeof text !== 'string') return wrongType('input_text', 'text');
  return text === '' ? unusable('input_text', EMPTY) : undefined;
}

/** A text, texts, the tokens of a text, or the tokens of several. */
function findInputFault(input: unknown): Rejection | undefined {
  if (input === undefined || input === null) return missing('input', INPUT_FORM);
  if (input === '') return unusable('input', EMPTY);
  if (typeof input === 'string') return undefined;
  if (!Array.isArray(input)) return wrongType('input', INPUT_FORM);
  if (input.length === 0) return unusable('input', EMPTY);
  const [first] = input as readonly unknown[];
  const accepts = typeof first === 'number' ? isToken : Array.isArray(first) ? isTokenList : isText;
  const odd = input.findIndex((item) => !accepts(item));
  if (odd !== -1) return wrongType(`input[${odd}]`, INPUT_FORM);
  const empty = input.findIndex((item) => item === '' || (Array.isArray(item) && item.length === 0));
  return empty === -1 ? undefined : unusable(`input[${empty}]`, EMPTY);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isToken(value: unknown): boolean {
  return Number.isSafeInteger(value);
}

function isTokenList(value: unknown): boolean {
  return Array.isArray(value) && value.every(isToken);
}
