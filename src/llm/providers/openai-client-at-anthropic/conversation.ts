import { isObject, type JsonObject, parseObject, textAt } from '../json.ts';
import { malformed, notAvailable } from '../refusals.ts';
import { translateParts } from './parts.ts';

interface Turn {
  readonly role: 'user' | 'assistant';
  readonly content: JsonObject[];
}

/** `system` and `messages` of the Messages API. */
export interface Conversation {
  readonly system: readonly JsonObject[] | undefined;
  readonly messages: readonly Turn[];
}

/**
 * The messages of a chat completion. Instructions (`system`, `developer`) go before the conversation wherever they
 * stood; the results of tools become a part of the user's turn; neighbours of one role become one turn, because roles
 * must alternate.
 */
export function translateConversation(messages: unknown): Conversation {
  if (!Array.isArray(messages)) throw malformed('messages', 'must be a list.');
  const system: JsonObject[] = [];
  const turns: Turn[] = [];
  messages.forEach((message: unknown, i) => {
    const param = `messages[${i}]`;
    if (!isObject(message)) throw malformed(param, 'must be an object.');
    if (message['role'] === 'system' || message['role'] === 'developer') {
      system.push(...translateParts(message['content'], `${param}.content`, 'text'));
    } else append(turns, translateTurn(message, param));
  });
  if (turns.length === 0) throw notAvailable('messages', 'must hold a message of the user or the assistant.');
  return { system: system.length === 0 ? undefined : system, messages: turns };
}

/** A turn without content says nothing, and the API refuses it. */
function append(turns: Turn[], turn: Turn): void {
  if (turn.content.length === 0) return;
  const last = turns.at(-1);
  if (last?.role === turn.role) last.content.push(...turn.content);
  else turns.push(turn);
}

function translateTurn(message: JsonObject, param: string): Turn {
  const { role, content } = message;
  switch (role) {
    case 'user':
      return { role, content: translateParts(content, `${param}.content`, 'any') };
    case 'assistant': {
      const said = content === undefined || content === null ? [] : translateParts(content, `${param}.content`, 'text');
      return { role, content: [...said, ...translateCalls(message['tool_calls'], `${param}.tool_calls`)] };
    }
    case 'tool':
      return { role: 'user', content: [translateResult(message, param)] };
    default:
      throw notAvailable(`${param}.role`, 'must be system, developer, user, assistant or tool for this model.');
  }
}

function translateResult(message: JsonObject, param: string): JsonObject {
  const id = textAt(message, 'tool_call_id');
  if (id === '') throw malformed(`${param}.tool_call_id`, 'must name the call that is answered.');
  const content = translateParts(message['content'], `${param}.content`, 'text');
  return { type: 'tool_result', tool_use_id: id, ...(content.length === 0 ? {} : { content }) };
}

function translateCalls(calls: unknown, param: string): JsonObject[] {
  if (calls === undefined || calls === null) return [];
  if (!Array.isArray(calls)) throw malformed(param, 'must be a list.');
  return calls.map((call: unknown, i) => translateCall(call, `${param}[${i}]`));
}

function translateCall(call: unknown, param: string): JsonObject {
  const { function: called } = (isObject(call) ? call : {}) as { function?: unknown };
  if (!isObject(call) || !isObject(called)) throw malformed(param, 'must be a call of a function.');
  const written = textAt(called, 'arguments');
  const input = written.trim() === '' ? {} : parseObject(written);
  if (!input) throw notAvailable(`${param}.function.arguments`, 'must be the text of a JSON object for this model.');
  return { type: 'tool_use', id: call['id'], name: called['name'], input };
}
