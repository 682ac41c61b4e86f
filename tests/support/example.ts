// The shipped examples, and how the documents they come from call a gateway.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';

const folder = join(import.meta.dirname, '../../examples');

export function readExample(name: string): string {
  return readFileSync(join(folder, name), 'utf8');
}

export function readExampleEnvironment(name: string): Record<string, string> {
  return parseEnv(readExample(name)) as Record<string, string>;
}

/** An answer with its body read as JSON. */
export interface JsonAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** `curl -X POST <url> -H "Content-Type: application/json" -H <headers> -d <body>` */
export function postJson(url: string, body: object, headers: Record<string, string> = {}): Promise<JsonAnswer> {
  return ask(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  });
}

/** `curl <url> -H <headers>` */
export function getJson(url: string, headers: Record<string, string> = {}): Promise<JsonAnswer> {
  return ask(url, { headers });
}

/** `-H "Authorization: Bearer <credential>"` */
export function bearer(credential: unknown): Record<string, string> {
  return { Authorization: `Bearer ${String(credential)}` };
}

async function ask(url: string, init: RequestInit): Promise<JsonAnswer> {
  const res = await fetch(url, init);
  return { status: res.status, headers: res.headers, body: (await res.json()) as Record<string, unknown> };
}
