import { type Static, Type } from '../../lib/schema-builder.ts';
import { FilePath, Section } from '../../lib/schema-atoms.ts';

const MOST_PER_MILLION = 100_000;
const MOST_PER_UNIT = 1_000;

const perMillion = (description: string) =>
  Type.Optional(
    Type.Number({ description: `Dollars per million ${description}`, minimum: 0, maximum: MOST_PER_MILLION }),
  );
const perUnit = (description: string) =>
  Type.Optional(Type.Number({ description: `Dollars per ${description}`, minimum: 0, maximum: MOST_PER_UNIT }));
const percent = (description: string) =>
  Type.Optional(
    Type.Integer({ description: `Per cent of the price ${description} Default 100.`, minimum: 0, maximum: 1_000 }),
  );

const RATES = {
  input_per_million: perMillion('input tokens.'),
  output_per_million: perMillion('output tokens.'),
  cached_read_per_million: perMillion('input tokens read from a cache. Default: as input.'),
  cache_write_per_million: perMillion('input tokens written to a cache for five minutes. Default: as input.'),
  cache_write_1h_per_million: perMillion('input tokens written to a cache for an hour. Default: as for five minutes.'),
  reasoning_per_million: perMillion('output tokens that are thought and not said. Default: as output.'),
  input_audio_per_million: perMillion('input tokens of audio. Default: as input.'),
  output_audio_per_million: perMillion('output tokens of audio. Default: as output.'),
  input_image_per_million: perMillion('input tokens of images. Default: as input.'),
  output_image_per_million: perMillion('output tokens of images. Default: as output.'),
};

/** What one model costs, as it is written. */
export const PriceSchema = Section(
  {
    ...RATES,
    per_item: perUnit('image that is made, or per search of a reranker.'),
    per_second: perUnit('second of audio that is heard.'),
    per_million_characters: perMillion('characters that are spoken.'),
    above: Type.Optional(
      Type.Array(
        Section(
          { tokens: Type.Integer({ description: 'Input tokens of a request.', minimum: 1, maximum: 1e9 }), ...RATES },
          { description: 'Prices of requests with more input than this; what is not written stays as it is.' },
        ),
        { description: 'Prices of long requests.', maxItems: 8 },
      ),
    ),
    batch_percent: percent('in a batch.'),
    flex_percent: percent('at the service tier `flex`.'),
    priority_percent: percent('at the service tier `priority`.'),
  },
  {
    description:
      'What the model costs, down to a millionth of a dollar per million tokens. Each answer is summed exactly and rounded up once to a billionth of a dollar.',
  },
);

/** `settings.price_list`. */
export const PriceListFile = Type.Optional(
  FilePath({
    description:
      'Price list for models without a `price`, as `turnpike models update` writes it. Default: the list that ships with this release.',
  }),
);

/** Keys of a price and of its steps, `above` apart. */
export const RATE_KEYS: ReadonlySet<string> = new Set([...Object.keys(PriceSchema.properties), 'tokens']);

export type WrittenPrice = Static<typeof PriceSchema>;
export type WrittenRates = Omit<NonNullable<WrittenPrice['above']>[number], 'tokens'>;
