/** Prints the files and functions that one request enters, in order: `npm run walk -- GET /service1/hello`. */

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Recorder } from './walk/record.ts';
import { type WalkedRequest, walkRequest } from './walk/walk-request.ts';
import { staleWalks, writeWalks } from './walk/walk-page.ts';

const USAGE = `npm run walk -- [METHOD] PATH [options]
  -H, --header 'Name: value'   added to the request; a key of the gateway is sent unless you send a credential
  -d, --data <text or @file>   the body, JSON unless -H says otherwise
  --config <file>              default gateway_config.yaml; its services are replaced by the sample services
  --chat                       POST the sample chat (scripts/walk/chat.json) with scripts/walk/chat.yaml
  --functions                  prints every visit of a file with the functions entered there
  --write, --check             write the two walks into docs/architecture.md, or fail when they are stale there`;

const presets = join(import.meta.dirname, 'walk');

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    header: { type: 'string', short: 'H', multiple: true, default: [] },
    data: { type: 'string', short: 'd' },
    config: { type: 'string' },
    chat: { type: 'boolean', default: false },
    functions: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    help: { type: 'boolean', short: 'h', default: false },
  },
});

async function requestFromArguments(): Promise<WalkedRequest> {
  const path = positionals.at(-1) ?? '/v1/chat/completions';
  const data = values.data ?? (values.chat ? `@${join(presets, 'chat.json')}` : undefined);
  const body = data?.startsWith('@') ? await readFile(data.slice(1), 'utf8') : data;
  return {
    config: values.config ?? (values.chat ? join(presets, 'chat.yaml') : 'gateway_config.yaml'),
    method: positionals.length > 1 ? (positionals[0] ?? 'GET') : body === undefined ? 'GET' : 'POST',
    path,
    headers: Object.fromEntries(values.header.map(splitHeader)),
    body,
  };
}

function splitHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(':');
  if (colon < 1) throw new Error(`--header "${line}" lacks a colon`);
  return [line.slice(0, colon), line.slice(colon + 1).trim()];
}

async function printWalk(): Promise<void> {
  const request = await requestFromArguments();
  const { status, walk } = await walkRequest(new Recorder(), request);
  console.log(`${request.method} ${request.path} → ${String(status)}: ${walk.figures}`);
  for (const line of values.functions ? walk.visitLines : walk.fileLines) console.log(`  ${line}`);
}

if (values.write) {
  await writeWalks(new Recorder());
} else if (values.check) {
  const stale = await staleWalks(new Recorder());
  for (const line of stale) console.error(line);
  process.exitCode = stale.length === 0 ? 0 : 1;
} else if (values.help || (positionals.length === 0 && !values.chat)) {
  console.log(USAGE);
} else {
  await printWalk();
}
