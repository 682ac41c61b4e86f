/** One end of the channel between two processes. */
export interface Channel {
  /** `done` receives the reason if the message cannot arrive. */
  send(message: object, done: (error: Error | null) => void): unknown;
  on(event: 'message', listener: (message: unknown) => void): unknown;
}

type Envelope<Question> =
  | { readonly ask: number; readonly question: Question }
  | { readonly answerTo: number; readonly answer: unknown }
  | { readonly answerTo: number; readonly failure: string };

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Both processes ask and answer over one channel. Every question has an answer, a failure or its deadline. */
export class Dialogue<Asked, Answered> {
  private readonly channel: Channel;
  private readonly waiting = new Map<number, Waiting>();
  private lastId = 0;

  /** `answer` is asked what the other side wants to know; it may reject. */
  constructor(channel: Channel, answer: (question: Answered) => Promise<unknown>) {
    this.channel = channel;
    channel.on('message', (message) => this.receive(message as Envelope<Answered>, answer));
  }

  /** Rejects when the other side fails, is gone, or says nothing for `deadlineMs`. */
  ask(question: Asked, deadlineMs: number): Promise<unknown> {
    const id = ++this.lastId;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const giveUp = (): void => {
      this.waiting.delete(id);
      reject(new Error('the other process does not answer'));
    };
    this.waiting.set(id, { resolve, reject, timer: setTimeout(giveUp, deadlineMs).unref() });
    this.channel.send({ ask: id, question }, (error) => {
      if (error) this.settle({ answerTo: id, failure: 'the other process is gone' });
    });
    return promise;
  }

  private receive(message: Envelope<Answered>, answer: (question: Answered) => Promise<unknown>): void {
    if ('answerTo' in message) return this.settle(message);
    if (!('ask' in message)) return;
    answer(message.question).then(
      (given) => this.reply({ answerTo: message.ask, answer: given }),
      (error: unknown) => this.reply({ answerTo: message.ask, failure: String(error) }),
    );
  }

  private settle(message: Extract<Envelope<never>, { answerTo: number }>): void {
    const waiting = this.waiting.get(message.answerTo);
    if (!waiting) return;
    this.waiting.delete(message.answerTo);
    clearTimeout(waiting.timer);
    if ('failure' in message) waiting.reject(new Error(message.failure));
    else waiting.resolve(message.answer);
  }

  private reply(message: Envelope<Asked>): void {
    // The asker may have ended meanwhile.
    this.channel.send(message, () => undefined);
  }
}
