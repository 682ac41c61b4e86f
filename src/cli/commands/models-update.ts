import { readFile, writeFile } from 'node:fs/promises';
import { loadConfig } from '../../config/load.ts';
import { readForeignPrices } from '../../llm/prices/foreign-prices.ts';
import { type PriceList, readPriceList, shippedPrices } from '../../llm/prices/price-list.ts';
import { UsageError } from '../failure.ts';

interface UpdateOptions {
  readonly config: string;
  readonly to?: string;
  readonly yes?: true;
}

const MOST_BYTES = 32 * 1024 * 1024;
const PATIENCE_MS = 30_000;
const MOST_LINES = 200;

/** Shows how a price list differs from the one in use, and writes it if `--yes` is given. */
export async function updateModels(source: string, options: UpdateOptions): Promise<void> {
  const { settings } = (await loadConfig({ file: options.config, dev: true })).config;
  const inUse = settings.price_list === undefined ? shippedPrices() : readPriceList(settings.price_list);
  const list = await read(source);
  const lines = differences(inUse, list);
  console.log(`${inUse.version} -> ${list.version}: ${lines.length} models differ`);
  for (const line of lines.slice(0, MOST_LINES)) console.log(line);
  if (lines.length > MOST_LINES) console.log(`… and ${lines.length - MOST_LINES} more`);
  if (!options.yes) return console.log('Nothing was written. Add --yes to write it.');
  const file = options.to ?? settings.price_list;
  if (file === undefined)
    throw new UsageError(
      'Say where to write it: --to prices.json, and settings.price_list: prices.json in the configuration.',
    );
  await writeFile(file, `${JSON.stringify(list, undefined, 1)}\n`);
  console.log(`wrote ${file}`);
}

async function read(source: string): Promise<PriceList> {
  const version = new Date().toISOString().slice(0, 10);
  try {
    const text = /^https?:\/\//.test(source) ? await download(source) : await readFile(source, 'utf8');
    return readForeignPrices(text, version);
  } catch (error) {
    throw new UsageError(`The price list ${source} cannot be used: ${(error as Error).message}`);
  }
}

async function download(address: string): Promise<string> {
  const response = await fetch(address, { signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  const bytes: Uint8Array[] = [];
  let size = 0;
  for await (const piece of response.body ?? []) {
    size += piece.length;
    if (size > MOST_BYTES) throw new Error('it is larger than 32 MiB');
    bytes.push(piece);
  }
  return Buffer.concat(bytes).toString();
}

/** One line per model that is new, gone or priced otherwise. */
function differences({ models: before }: PriceList, { models: after }: PriceList): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
  return names.flatMap((name) => {
    const [old, now] = [before, after].map((models) =>
      Object.hasOwn(models, name) ? describe(models[name] as object) : undefined,
    );
    if (old === now) return [];
    if (old === undefined) return [`+ ${name}: ${now}`];
    return [now === undefined ? `- ${name}: ${old}` : `~ ${name}: ${old} -> ${now}`];
  });
}

function describe(price: object): string {
  const entries = Object.entries(price).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.map(([key, value]) => `${key} ${JSON.stringify(value)}`).join(', ');
}
