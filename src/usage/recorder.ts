import { GatewayError, Rejection } from '../errors/rejection.ts';
import type { Exchange } from '../exchange/exchange.ts';
import { costOf, totalOf } from '../exchange/cost-of.ts';
import type { ModelCall } from '../exchange/model-call.ts';
import type { UsageKinds } from '../exchange/model-price.ts';
import { statusSeen } from '../exchange/respond.ts';
import type { Clock } from '../lib/clock.ts';
import { createRandomHex } from '../lib/random-hex.ts';
import { type Listed, Roster } from '../lib/roster.ts';
import type { Entry, Journal } from './journal/journal.ts';
import type { Segment } from './journal/segment.ts';
import { RowTexts } from './row-texts.ts';
import { encodeRow, ID_LENGTH, type KindAmounts, type RowAmounts, type RowEnd, storable } from './usage-row.ts';

/** What to do with requests that must be recorded while recording fails. */
export type OnFull = 'shed' | 'count_only';

export interface RecorderOptions {
  readonly journal: Journal;
  readonly clock: Clock;
  readonly onFull: () => OnFull;
  readonly onSettled: (amounts: RowAmounts) => void;
}

const RETRY_AFTER_SECONDS = 5;
const FULL = new Rejection('OVERLOADED', 'The gateway cannot record further requests at the moment.', {
  facts: { retryAfterSeconds: RETRY_AFTER_SECONDS },
  internal: 'the usage journal is full or cannot be written',
});

/** An exchange on record and still running. */
class Recording implements Entry, Listed {
  rosterIndex = -1;
  readonly id: string;
  readonly startedAt: number;
  readonly beginning: string;
  readonly text: string;
  segment: Segment | undefined;
  position = 0;

  constructor(id: string, startedAt: number, beginning: string, assumed: RowEnd) {
    this.id = id;
    this.startedAt = startedAt;
    this.beginning = beginning;
    this.text = encodeRow(beginning, assumed);
  }
}

/** Puts exchanges with models and those against a budget on record: before they call anybody, and when they are over. */
export class Recorder {
  readonly running = new Roster<Recording>();
  private readonly options: RecorderOptions;
  private readonly nextId = createRandomHex(ID_LENGTH);
  private readonly texts = new RowTexts();

  constructor(options: RecorderOptions) {
    this.options = options;
  }

  /**
   * Call it right before an upstream is called. No response head leaves before the record is on file. Throws OVERLOADED
   * when it cannot be and `on_full` is `shed`.
   */
  open(exchange: Exchange): void {
    if (!exchange.model && !exchange.charge) return;
    const { journal, onFull } = this.options;
    if (!journal.accepts()) {
      if (onFull() === 'shed') throw new GatewayError(FULL);
      return;
    }
    const recording = this.begin(exchange);
    exchange.recordId = recording.id;
    this.running.add(recording);
    journal.open(recording);
    exchange.onHead(() => journal.ensureWritten(recording));
    exchange.onSettled(() => this.settle(exchange, recording));
  }

  private begin(exchange: Exchange): Recording {
    const { clock } = this.options;
    const { model: call } = exchange;
    const id = this.nextId();
    const startedAt = Math.round(clock.now() - (clock.monotonic() - exchange.startedAt));
    const assumed = { inputTokens: call?.estimatedInputTokens ?? 0, outputTokens: 0, isEstimated: true };
    return new Recording(id, startedAt, this.texts.beginningOf(exchange, id, startedAt), {
      inputTokens: assumed.inputTokens,
      outputTokens: 0,
      isEstimated: true,
      model: this.texts.modelOf(call?.model),
      target: undefined,
      status: undefined,
      costNanoUsd: call ? costOf(call.model, assumed) : 0,
      settledAt: startedAt,
    });
  }

  private settle(exchange: Exchange, recording: Recording): void {
    const { journal, onSettled } = this.options;
    this.running.remove(recording);
    if (hasCalledNobody(exchange)) {
      exchange.recordId = undefined;
      return journal.close(recording, undefined);
    }
    const end = this.endOf(exchange);
    journal.close(recording, encodeRow(recording.beginning, end));
    const { inputTokens, outputTokens, costNanoUsd } = end;
    const consumer = storable(exchange.principal?.consumer.id ?? '');
    onSettled({ consumer, inputTokens, outputTokens, costNanoUsd, startedAt: recording.startedAt });
  }

  private endOf(exchange: Exchange): RowEnd {
    const { model: call, attempts } = exchange;
    return {
      inputTokens: call ? tokensOf(call, 'inputTokens') : 0,
      outputTokens: call ? tokensOf(call, 'outputTokens') : 0,
      isEstimated: call !== undefined && (call.lost.length > 0 || (call.usage?.isEstimated ?? false)),
      costNanoUsd: call ? totalOf(call).costNanoUsd : 0,
      model: this.texts.modelOf(call?.model),
      target: attempts.at(-1)?.target,
      status: statusSeen(exchange),
      settledAt: this.options.clock.now(),
      kinds: call?.usage?.kinds && amountsOf(call.usage.kinds),
      priceVersion: call?.model.price?.version,
    };
  }
}

/** Refused before any attempt: a breaker was open, no target was well, the body was too long. */
function hasCalledNobody({ attempts, rejection, model }: Exchange): boolean {
  return rejection !== undefined && attempts.length === 0 && !model?.usage && !model?.lost.length;
}

function amountsOf(kinds: UsageKinds): KindAmounts {
  return {
    cached: kinds.cachedRead,
    cacheWrite: kinds.cacheWrite + kinds.cacheWriteHour,
    reasoning: kinds.reasoning,
    audio: kinds.inputAudio + kinds.outputAudio,
    image: kinds.inputImage + kinds.outputImage,
  };
}

/** Lost attempts are part of the cost of an exchange. */
function tokensOf({ usage, lost }: ModelCall, direction: 'inputTokens' | 'outputTokens'): number {
  let tokens = usage?.[direction] ?? 0;
  for (const attempt of lost) tokens += attempt.usage[direction];
  return tokens;
}
