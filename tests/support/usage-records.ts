// Records as the gateway writes them, without a gateway.
import { encodeRow, quoteForeign } from '../../src/usage/usage-row.ts';

interface RecordFields {
  readonly consumer?: string;
  readonly service?: string;
  readonly model?: string;
  readonly status?: number;
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly isEstimated?: boolean;
  readonly costNanoUsd?: number;
  readonly startedAt?: number;
}

export const NOON = Date.UTC(2026, 0, 15, 12);

/** The id of the n-th record. */
export function recordId(n: number): string {
  return String(n).padStart(24, '0');
}

/** The text of a record with this id; all that is not given is ordinary. */
export function recordText(n: number, fields: RecordFields = {}): string {
  const { consumer = 'acme', service = 'chat', model = 'gpt', status = 200, startedAt = NOON } = fields;
  const { inputTokens = 10, outputTokens = 5, isEstimated = false, costNanoUsd = 1000 } = fields;
  const who = [consumer, 'key_1', 'pro', undefined].map(quoteForeign).join(',');
  const what = ['POST chat', service, model].map(quoteForeign).join(',');
  const end = { model: quoteForeign(model), target: 'localhost:1', status, settledAt: startedAt + 100 };
  return encodeRow(`["${recordId(n)}","req_${n}",${who},${what},${startedAt}`, {
    ...end,
    inputTokens,
    outputTokens,
    isEstimated,
    costNanoUsd,
  });
}
