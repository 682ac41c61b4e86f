import { FALLBACK_CAUSES } from '../lib/fallback-cause.ts';
import { type Static, type TSchema, Type } from '../lib/schema-builder.ts';
import { ModelName, OneOrMany, Section } from '../lib/schema-atoms.ts';
import { PriceSchema } from './prices/price-schema.ts';

const NAME = {
  pattern: '^[A-Za-z0-9_.:/@-]{1,200}$',
  'x-form': 'the name of a model such as gpt-4o-mini',
};

/** In place of the name of a model: whichever answers first these days. */
export const FASTEST = 'fastest';

const Unpriced = Type.Enum(['deny', 'cap', 'free'], {
  description:
    'What a model without a price counts as, here and in the price list: `free` costs nothing, `cap` as much as the dearest model of the service, `deny` refuses it to callers who are held to an amount of money.',
});

/** `rateLimit` is the schema of the policy of that name, handed in because a schema knows no other. */
function entrySchema<R extends TSchema>(rateLimit: R) {
  return Section(
    {
      price: Type.Optional(PriceSchema),
      unpriced: Type.Optional(Unpriced),
      max_output: Type.Optional(
        Type.Integer({
          description: 'The most tokens the model may answer with; used when a request does not say.',
          minimum: 1,
          maximum: 100_000_000,
        }),
      ),
      upstream_name: Type.Optional(
        Type.String({
          description: 'What the upstream calls it. Default: the same name.',
          minLength: 1,
          maxLength: 200,
        }),
      ),
      fallbacks: Type.Array(Type.String({ ...NAME }), {
        description:
          'Models that answer instead, in this order, when this one cannot. A caller only gets those it may use.',
        default: [],
        maxItems: 20,
        uniqueItems: true,
      }),
      fallback_on: Type.Optional(
        OneOrMany(Type.Enum([...FALLBACK_CAUSES]), {
          description:
            'What the fallbacks of the model are asked for: `rate_limit` (429), `overloaded` (404, 5xx, lost connections), `timeout` (408, 504, no answer in time), `context_length` (the prompt is too long for it), `content_policy` (its provider refuses the content), `auth` (its provider refuses the key of the target, which is logged as an alarm all the same). Default: the first three.',
          minItems: 1,
        }),
      ),
      rate_limit: rateLimit,
    },
    { description: 'One model.' },
  );
}

/** The section `models` of a service. */
export function modelsSchema<R extends TSchema>(rateLimit: R) {
  return Section(
    {
      default: Type.Optional(
        Type.String({
          description:
            'Model for requests that name none. `fastest`: of those the caller may use and that can be reached, the one that answered quickest of late. Without it the first model the caller may use.',
          ...NAME,
        }),
      ),
      default_by: Type.Record(
        Type.String({ pattern: '^.{1,64}$', 'x-form': 'the name of a claim' }),
        Type.Record(
          Type.String({ pattern: '^.{1,200}$', 'x-form': 'the value of a claim' }),
          Type.String({ ...NAME }),
          {
            description: 'The model for each value of the claim.',
            additionalProperties: false,
          },
        ),
        {
          description:
            'Model for requests that name none, by a claim of the caller (`lob` or another that the issuer maps): `{ lob: { wealth: gpt-4o } }`. Goes before `default`.',
          default: {},
          additionalProperties: false,
        },
      ),
      allow: OneOrMany(ModelName(), {
        description:
          'The models that may be asked for here, with `*` at the end for any rest; empty means all entries.',
        default: [],
        maxItems: 1_000,
      }),
      entries: Type.Record(Type.String({ ...NAME }), entrySchema(rateLimit), {
        description:
          'The catalogue, by the names clients use. Once there is one, no other model is served; without it every name is passed on.',
        default: {},
        additionalProperties: false,
      }),
      told_cost: Type.Optional(
        Type.Enum(['ignore', 'prefer'], {
          description:
            '`prefer`: the cost that an answer itself reports (`usage.cost` of OpenRouter and others) counts, and not the price here. Default `ignore`.',
        }),
      ),
      cost_header: Type.Optional(
        Type.Boolean({
          description:
            'Whether whole answers of up to 1 MiB are held back until all of them is there, so that `X-Gateway-Cost` can say in dollars what they cost. Translated answers always have it. Default false.',
        }),
      ),
      aliases: Type.Record(Type.String({ ...NAME }), Type.String({ ...NAME }), {
        description:
          'Further names of models. They are resolved before rights are judged, so a caller may hold either name.',
        default: {},
        additionalProperties: false,
      }),
    },
    { description: 'The models of an llm or embeddings service.' },
  );
}

/** The section as this layer reads it; the limits of a model are the limits policy's. */
export type ModelsConfig = Omit<Static<ReturnType<typeof modelsSchema>>, 'entries'> & {
  readonly entries: Readonly<Record<string, ModelEntryConfig>>;
};

export type ModelEntryConfig = Omit<Static<ReturnType<typeof entrySchema>>, 'rate_limit'> & {
  /** Of the list that the price is from; `undefined` for a price that was written. */
  readonly price_version?: string | undefined;
};

/** `POST /generate`, or `GET /files/*` for all below. */
const RAW_OPERATION = '[A-Z]{3,10} /[^\\s?#*]*\\*?';

export const OperationsSchema = OneOrMany(
  Type.String({
    pattern: `^([a-z_]{1,40}|${RAW_OPERATION})$`,
    'x-form': 'the name of an operation such as files, or a method and a path such as "POST /generate"',
  }),
  {
    description:
      'Operations that an llm or embeddings service passes to the provider; everything else is 403 `FORBIDDEN`. `default` stands for `chat`, `completions`, `responses`, `messages`, `count_tokens`, `embeddings`, `models`, `moderations`, `rerank`, `images` and `audio`. Only where they are named: `background` (work of `/responses` that goes on without the client), `stored` (stored responses and completions), `files`, `uploads`, `batches`, `vector_stores`, `fine_tuning`, `assistants`, `conversations`, `containers`, `evals`, `skills`, `videos`. Any other path as method and path behind `/v1`: `"POST /generate"`, or `"GET /videos/*"` for all below, which never covers paths that hand out credentials or change the account of the operator. Default: `[default]`.',
    minItems: 1,
    maxItems: 200,
  },
);

export const UnmeteredSchema = Type.Enum(['refuse', 'allow'], {
  description:
    'What becomes of operations whose use cannot be counted (`files`, `batches`, paths that are written out …) where the tokens or the money of a caller are limited: `refuse` answers 403, `allow` passes them on, uncounted. Default `refuse`.',
});

/** What one route of an llm or embeddings service does with models. */
export interface ModelRoutingConfig {
  /** The service's section; `undefined` where every name is passed on. */
  readonly models: ModelsConfig | undefined;
  /** What the service lets through, as written; `undefined` for what is let through everywhere. */
  readonly operations?: readonly string[] | undefined;
  readonly unmetered?: 'refuse' | 'allow' | undefined;
  /** Those that may be asked for on this route; empty for all. */
  readonly routeModels: readonly string[];
}
