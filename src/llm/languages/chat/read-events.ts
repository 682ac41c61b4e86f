import { type Answer, type AnswerUsage, type FinishReason, settledReason } from '../../conversation/answer.ts';
import { AnswerReader, DONE } from '../../conversation/answer-reader.ts';
import type { PartQueue } from '../../conversation/part-queue.ts';
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from '../../json.ts';
import { readAnswer } from './read-answer.ts';
import { callId, readReason, readSaid, readStopSequence, readUsage, signatureOf } from './read-message.ts';

type QueuedPart = ReturnType<PartQueue['open']>;

interface RunningCall {
  readonly index: unknown;
  /** As the upstream gave it; empty where it gave none. */
  readonly id: string;
  readonly part: QueuedPart;
}

/** The chunks of a chat completion. */
export class ChatReader extends AnswerReader {
  private isStarted = false;
  private id = '';
  private model = '';
  private usage: AnswerUsage | undefined;
  private reason: FinishReason | undefined;
  private stopSequence: string | undefined;
  private readonly calls: RunningCall[] = [];

  protected override takeText(data: string): void {
    if (data.trim() !== DONE) return this.fail('a chunk is not a JSON object');
    if (!this.isStarted) return this.fail('the stream is empty');
    this.complete();
  }

  protected take(chunk: JsonObject): void {
    const { error } = chunk as { error?: unknown };
    if (isObject(error) || (typeof error === 'string' && error !== '')) return this.failWith(chunk);
    this.id ||= textAt(chunk, 'id');
    this.model ||= textAt(chunk, 'model');
    this.usage = readUsage(chunk['usage']) ?? this.usage;
    const choice = objectsAt(chunk, 'choices')[0];
    if (choice) this.takeChoice(choice);
  }

  private takeChoice(choice: JsonObject): void {
    // Azure reports on the prompt before the answer begins, in a chunk without a name.
    if (!this.isStarted) this.begin();
    const delta = objectAt(choice, 'delta');
    const { thought, thoughtField, text, refusal } = readSaid(delta);
    this.takeThought(thought, thoughtField);
    this.queue.append('text', text);
    this.queue.append('refusal', refusal);
    for (const call of objectsAt(delta, 'tool_calls')) this.takeCall(call);
    this.reason = readReason(choice) ?? this.reason;
    this.stopSequence ??= readStopSequence(choice);
  }

  private begin(): void {
    this.isStarted = true;
    this.sink.start({ id: this.id, model: this.model });
  }

  private takeThought(thought: string, field: string): void {
    if (thought === '') return;
    const part = this.queue.last('reasoning') ?? this.queue.open({ kind: 'reasoning' });
    part.seal ??= { origin: 'chat', data: field };
    this.queue.write(part, thought);
  }

  /**
   * A call is known by its index; but some servers give all calls the same index, or none, and a new id begins a new
   * call.
   */
  private takeCall(call: JsonObject): void {
    const { index } = call;
    const id = textAt(call, 'id');
    const called = objectAt(call, 'function');
    const running = this.running(index, id);
    const part = running?.part ?? this.openCall(call, index, id);
    const { arguments: written } = called;
    this.queue.write(part, typeof written === 'string' ? written : isObject(written) ? JSON.stringify(written) : '');
  }

  private running(index: unknown, id: string): RunningCall | undefined {
    const same = this.calls.findLast((call) => (index === undefined || index === null ? true : call.index === index));
    return same === undefined || (id !== '' && id !== same.id) ? undefined : same;
  }

  private openCall(call: JsonObject, index: unknown, id: string): QueuedPart {
    const known = callId(call);
    const seal = signatureOf(call, known);
    if (seal) this.queue.close(this.queue.open({ kind: 'reasoning' }), seal);
    const part = this.queue.open({ kind: 'call', id: known, name: textAt(objectAt(call, 'function'), 'name') });
    this.calls.push({ index, id, part });
    return part;
  }

  protected wholeIn(body: JsonObject): Answer | undefined {
    return isObject(objectsAt(body, 'choices')[0]?.['message']) ? readAnswer(body) : undefined;
  }

  protected hasEnded(): boolean {
    return this.reason !== undefined;
  }

  protected finish(): void {
    const reason = settledReason(this.reason ?? 'stop', this.queue);
    const stopSequence = reason === 'stop' ? this.stopSequence : undefined;
    const isSequence = stopSequence !== undefined;
    this.sink.finish({ reason: isSequence ? 'stop_sequence' : reason, stopSequence, usage: this.usage });
  }
}
