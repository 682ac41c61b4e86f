import { hash } from 'node:crypto';

/**
 * Columns of what is kept of one exchange, in the order of a record's text. Never a prompt, an answer, an address or a
 * secret. Texts in journals outlive a release: only ever append.
 */
export const COLUMNS = [
  ['id', 'text'],
  ['request_id', 'text'],
  ['consumer', 'text'],
  ['credential', 'text'],
  ['tier', 'text'],
  ['lob', 'text'],
  ['action', 'text'],
  ['service', 'text'],
  ['model_asked', 'text'],
  ['started_at', 'bigint'],
  ['model', 'text'],
  ['target', 'text'],
  ['status', 'integer'],
  ['input_tokens', 'bigint'],
  ['output_tokens', 'bigint'],
  ['is_estimated', 'integer'],
  ['cost_nano_usd', 'bigint'],
  ['settled_at', 'bigint'],
  ['cached_tokens', 'bigint'],
  ['cache_write_tokens', 'bigint'],
  ['reasoning_tokens', 'bigint'],
  ['audio_tokens', 'bigint'],
  ['image_tokens', 'bigint'],
  ['price_version', 'text'],
] as const;

/** Every id has this many characters, all of them hexadecimal digits. */
export const ID_LENGTH = 24;
/** Its position in the text of a record: after `["`. */
export const ID_FROM = 2;

/** The owner of an exchange, and its final amounts. */
export interface RowAmounts {
  readonly consumer: string;
  readonly inputTokens: number;
  readonly outputTokens: number;
  readonly costNanoUsd: number;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

/** How an exchange ended, as far as it is known; epoch milliseconds. */
export interface RowEnd extends Omit<RowAmounts, 'consumer' | 'startedAt'> {
  /** JSON of the model that answered. */
  readonly model: string;
  readonly target: string | undefined;
  /** The status the client received; `undefined` if the gateway ended before that. */
  readonly status: number | undefined;
  readonly isEstimated: boolean;
  readonly settledAt: number;
  readonly kinds?: KindAmounts | undefined;
  /** Of the price that the cost was worked out by; `undefined` where there was none. */
  readonly priceVersion?: string | undefined;
}

/** Tokens of the input and the output that have prices of their own. */
export interface KindAmounts {
  readonly cached: number;
  readonly cacheWrite: number;
  readonly reasoning: number;
  readonly audio: number;
  readonly image: number;
}

const NO_AMOUNTS: KindAmounts = Object.freeze({ cached: 0, cacheWrite: 0, reasoning: 0, audio: 0, image: 0 });

/**
 * The text of a record: one JSON array in ASCII. The database takes it apart, so that nothing else has to. `beginning` is
 * the part up to and with `started_at`, which both records of an exchange share.
 */
export function encodeRow(beginning: string, end: RowEnd): string {
  const target = end.target === undefined ? 'null' : quote(end.target);
  const tokens = `${end.inputTokens},${end.outputTokens},${end.isEstimated ? 1 : 0}`;
  const { cached, cacheWrite, reasoning, audio, image } = end.kinds ?? NO_AMOUNTS;
  const kinds = `${cached},${cacheWrite},${reasoning},${audio},${image},${quoteForeign(end.priceVersion)}`;
  return `${beginning},${end.model},${target},${end.status ?? null},${tokens},${end.costNanoUsd},${end.settledAt},${kinds}]`;
}

/** The text of a record that only names its owner. */
export function encodeId(id: string): string {
  return `["${id}"]`;
}

/** Reads the text of `encodeRow`. */
export function decodeAmounts(text: string): RowAmounts {
  const row = JSON.parse(text) as unknown[];
  const [consumer, inputTokens, outputTokens, costNanoUsd, startedAt] = [2, 13, 14, 16, 9].map((i) => row[i]);
  return { consumer, inputTokens, outputTokens, costNanoUsd, startedAt } as RowAmounts;
}

const MOST_CHARACTERS = 200;
/** In place of the end of a text that is too long. */
const DIGEST_LENGTH = 32;
const HARMLESS = /^[ -~]{0,200}$/;
const NEEDS_ESCAPING = /[^ !#-[\]-~]/;

/**
 * Text that others chose, as it can be stored: not too long, without the character that PostgreSQL cannot keep and
 * without halves of characters. Two texts of which one is too long stay two.
 */
export function storable(text: string): string {
  if (HARMLESS.test(text)) return text;
  const whole = text.replaceAll('\0', '').toWellFormed();
  if (whole.length <= MOST_CHARACTERS) return whole;
  const beginning = whole.slice(0, MOST_CHARACTERS - DIGEST_LENGTH - 1).toWellFormed();
  return `${beginning}…${hash('sha256', text).slice(0, DIGEST_LENGTH)}`;
}

/** JSON of a text, in ASCII. */
export function quote(text: string): string {
  return NEEDS_ESCAPING.test(text) ? escapeBeyondAscii(JSON.stringify(text)) : `"${text}"`;
}

/** JSON of a text that others chose, or of nothing. */
export function quoteForeign(text: string | undefined): string {
  return text === undefined ? 'null' : quote(storable(text));
}

function escapeBeyondAscii(json: string): string {
  return json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
