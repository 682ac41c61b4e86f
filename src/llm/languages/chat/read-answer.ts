import { type Answer, type AnswerPart, inputText, settledReason } from '../../conversation/answer.ts';
import { isObject, type JsonObject, objectAt, objectsAt, parseObject, textAt } from '../../json.ts';
import { misunderstood } from '../../refusals.ts';
import { callId, readReason, readSaid, readStopSequence, readUsage, signatureOf } from './read-message.ts';

/** A chat completion. Only one answer is ever asked for. */
export function readAnswer(completion: JsonObject): Answer {
  const choice = objectsAt(completion, 'choices')[0];
  const message = choice?.['message'];
  if (!choice || !isObject(message)) throw misunderstood('the answer is not a chat completion');
  const wasCut = choice['finish_reason'] === 'length';
  const parts = readParts(message, wasCut);
  const hasCall = parts.some(({ kind }) => kind === 'call');
  const hasRefusal = parts.some(({ kind }) => kind === 'refusal');
  const reason = settledReason(readReason(choice) ?? 'stop', { hasCall, hasRefusal });
  const stopSequence = reason === 'stop' ? readStopSequence(choice) : undefined;
  return {
    id: textAt(completion, 'id'),
    model: textAt(completion, 'model'),
    parts,
    reason: stopSequence === undefined ? reason : 'stop_sequence',
    stopSequence,
    usage: readUsage(completion['usage']),
  };
}

function readParts(message: JsonObject, wasCut: boolean): AnswerPart[] {
  const { thought, thoughtField, text, refusal } = readSaid(message);
  const seal = { origin: 'chat', data: thoughtField } as const;
  return [
    ...(thought === '' ? [] : [{ kind: 'reasoning', text: thought, seal } as const]),
    ...(text === '' ? [] : [{ kind: 'text', text } as const]),
    ...(refusal === '' ? [] : [{ kind: 'refusal', text: refusal } as const]),
    ...objectsAt(message, 'tool_calls').flatMap((call) => readCall(call, wasCut)),
  ];
}

/** `wasCut`: the answer ended for its length, perhaps within the input of the call. */
function readCall(call: JsonObject, wasCut: boolean): AnswerPart[] {
  const { name, arguments: written } = objectAt(call, 'function');
  const input = inputText(typeof written === 'string' ? written : JSON.stringify(written ?? {}));
  if (!wasCut && !parseObject(input)) throw misunderstood('the arguments of a call are not a JSON object');
  const id = callId(call);
  const seal = signatureOf(call, id);
  const part = { kind: 'call', id, name: typeof name === 'string' ? name : '', input } as const;
  return seal ? [{ kind: 'reasoning', text: '', seal }, part] : [part];
}
