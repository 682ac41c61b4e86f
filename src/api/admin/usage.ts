import { type Static, Type } from '../../lib/schema-builder.ts';
import { Instant, Section } from '../../lib/schema-atoms.ts';
import { formatNanoUsd } from '../../lib/nano-usd.ts';
import { readGroups, reportCsv } from '../../usage/report-csv.ts';
import type { UsageSums } from '../../usage/usage-report.ts';
import type { GatewayConfig } from '../../config/gateway-config.ts';
import type { ApiContext } from '../context.ts';
import { defineEndpoint } from '../endpoint.ts';
import { PAGE_FIELDS, PageOf, pageOf } from './paging.ts';

function Filter(description: string) {
  return Type.Optional(Type.String({ description, minLength: 1, maxLength: 200 }));
}

const SumsView = Type.Object({
  day: Type.Optional(Type.String({ format: 'date', description: 'Of UTC.' })),
  consumer: Type.Optional(Type.String({ description: 'Empty where nobody was authenticated.' })),
  consumer_name: Type.Optional(Type.String({ description: 'The name of a stored consumer.' })),
  service: Type.Optional(Type.String()),
  model: Type.Optional(Type.String({ description: 'The one that answered; empty for requests to no model.' })),
  requests: Type.Integer(),
  failures: Type.Integer({ description: 'Answered with a status from 400 up.' }),
  estimated: Type.Integer({ description: 'Requests with numbers that no upstream told.' }),
  input_tokens: Type.Integer(),
  output_tokens: Type.Integer(),
  cached_tokens: Type.Integer({ description: 'Input that was read from a cache of the provider.' }),
  cache_write_tokens: Type.Integer({ description: 'Input that was written to a cache of the provider.' }),
  reasoning_tokens: Type.Integer({ description: 'Output that was thought and not said.' }),
  cost_usd: Type.Number(),
});

export const usageReportEndpoint = defineEndpoint({
  method: 'GET',
  path: '/admin/usage',
  planes: ['admin'],
  auth: 'master_key',
  summary: 'Sums what was used, by consumer, service, model and day; with `Accept: text/csv` all of it as CSV.',
  query: Section(
    {
      ...PAGE_FIELDS,
      group_by: Type.String({
        description: 'One or more of `consumer`, `service`, `model`, `day`, separated by commas.',
        default: 'consumer',
        pattern: '^(consumer|service|model|day)(,(consumer|service|model|day)){0,3}$',
        'x-form': 'a list of consumer, service, model, day',
      }),
      from: Type.Optional(Instant({ description: 'Only that day and later.' })),
      to: Type.Optional(Instant({ description: 'Only that day and earlier.' })),
      consumer: Filter('Only of the consumer of this id or name.'),
      service: Filter('Only of this service.'),
      model: Filter('Only what this model answered.'),
    },
    { description: 'Which sums.' },
  ),
  response: PageOf(SumsView),
  handle: async ({ context, config, exchange, query }) => {
    const { group_by: groupBy, ...filters } = query;
    const consumer = await consumerOf(context, config, filters.consumer);
    const wanted = { ...filters, consumer, groupBy: readGroups(groupBy) };
    const { usage } = context.deps;
    if (wantsCsv(exchange.edge.headers.get('accept'))) {
      const text = await reportCsv((page) => usage.report(page), wanted);
      return { status: 200, contentType: 'text/csv; charset=utf-8; header=present', text };
    }
    return { status: 200, json: pageOf(await usage.report(wanted), sumsView) };
  },
});

async function consumerOf(context: ApiContext, config: GatewayConfig, word: string | undefined) {
  if (word === undefined) return undefined;
  return context.identity.consumers.usageIdOf(word, config.consumers);
}

function wantsCsv(accept: string | undefined): boolean {
  return accept !== undefined && /(^|,)\s*text\/csv\s*(;|,|$)/i.test(accept);
}

function sumsView({
  consumerName,
  inputTokens,
  outputTokens,
  cachedTokens,
  cacheWriteTokens,
  reasoningTokens,
  costNanoUsd,
  ...sums
}: UsageSums): Static<typeof SumsView> {
  const cost = Number(formatNanoUsd(costNanoUsd));
  return {
    ...sums,
    ...(consumerName !== undefined && { consumer_name: consumerName }),
    input_tokens: inputTokens,
    output_tokens: outputTokens,
    cached_tokens: cachedTokens,
    cache_write_tokens: cacheWriteTokens,
    reasoning_tokens: reasoningTokens,
    cost_usd: cost,
  };
}
