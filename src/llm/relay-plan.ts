import type { Exchange, UpstreamPlan, UpstreamRequest } from '../exchange/exchange.ts';
import type { FormPlace, ModelCall } from '../exchange/model-call.ts';
import { isLongBody } from './body/body-bounds.ts';
import type { Turns } from '../lib/turns.ts';
import type { TargetAddress } from '../exchange/target-address.ts';
import { findProvider } from './providers/find-provider.ts';
import { setFormModel } from './body/read-form.ts';
import { readOperation } from './operation.ts';
import type { ClientRequest, Provider, ProviderRequest } from './providers/provider.ts';
import { notServed } from './refusals.ts';
import { isPlainJson } from './media-type.ts';

/** What routing has compiled for the route. */
interface RelayParts extends Pick<UpstreamPlan, 'timeouts' | 'strippedPrefix' | 'pathFor'> {
  readonly headers: {
    build(exchange: Exchange, target: TargetAddress, length: number | undefined): string[];
    sendsClientKey(exchange: Exchange, target: TargetAddress): boolean;
  };
  readonly turns: Turns;
}

/**
 * How a service with models is called: in the language of the target's provider, with the name by which the provider
 * knows the model. What names no model is passed on as it came.
 */
export class RelayPlan implements UpstreamPlan {
  readonly timeouts: UpstreamPlan['timeouts'];
  readonly strippedPrefix: string | undefined;
  readonly pathFor: UpstreamPlan['pathFor'];
  private readonly parts: RelayParts;

  constructor(parts: RelayParts) {
    this.timeouts = parts.timeouts;
    this.strippedPrefix = parts.strippedPrefix;
    this.pathFor = parts.pathFor;
    this.parts = parts;
  }

  requestFor(exchange: Exchange, target: TargetAddress): UpstreamRequest {
    const { model: call, body } = exchange;
    const provider = findProvider(target.provider);
    if (!call) return this.passOn(exchange, target, provider);
    const { path, body: written } = this.prepare(exchange, call, provider);
    const bytes = written && 'bytes' in written ? written.bytes : written;
    const headers = this.parts.headers.build(exchange, target, bytes?.length ?? body.sendLength);
    complete(headers, provider.requiredHeaders);
    if (bytes && !call.form) declareJson(headers);
    return { path: target.basePath + path, headers, body: bytes ?? null };
  }

  isLong({ model, body }: Exchange): boolean {
    return model !== undefined && isLongBody(body.bytes);
  }

  async prepareFor(exchange: Exchange, target: TargetAddress): Promise<void> {
    const { model: call } = exchange;
    if (!call) return;
    const { body } = this.prepare(exchange, call, findProvider(target.provider));
    if (body && 'bytes' in body) await body.write(this.parts.turns);
  }

  check(exchange: Exchange, target: TargetAddress): void {
    const { model: call } = exchange;
    if (call && this.isLong(exchange)) this.prepare(exchange, call, findProvider(target.provider));
    else this.requestFor(exchange, target);
  }

  sendsClientKey(exchange: Exchange, target: TargetAddress): boolean {
    return this.parts.headers.sendsClientKey(exchange, target);
  }

  /** Where an API has the path, in the one spelling that everybody reads alike. */
  private sentPath(exchange: Exchange): string {
    return readOperation(this.pathFor(exchange)).path;
  }

  private passOn(exchange: Exchange, target: TargetAddress, provider: Provider): UpstreamRequest {
    const path = this.sentPath(exchange) + exchange.edge.query;
    if (!provider.serves(path)) throw notServed(path, undefined);
    const headers = this.parts.headers.build(exchange, target, exchange.body.sendLength);
    complete(headers, provider.requiredHeaders);
    return { path: target.basePath + path, headers, body: exchange.body.payload() };
  }

  /** A further attempt at the same provider for the same model sends the same bytes. */
  private prepare(exchange: Exchange, call: ModelCall, provider: Provider): ProviderRequest {
    const { prepared } = call;
    if (prepared?.provider === provider.name && prepared.model === call.model) return prepared.request;
    const client = { path: call.path + call.query, bytes: exchange.body.bytes };
    const request = call.form ? passForm(call, call.form, client, provider) : provider.request(call, client);
    call.prepared = { provider: provider.name, model: call.model, request };
    return request;
  }
}

/** A form is sent as it came, with the name by which the provider knows the model. */
function passForm(call: ModelCall, form: FormPlace, client: ClientRequest, provider: Provider): ProviderRequest {
  if (provider.pathOf(call) === undefined) throw notServed(client.path, call.model.name);
  const { upstreamName } = call.model;
  const bytes = client.bytes as Buffer;
  return { path: client.path, body: upstreamName === '' ? bytes : setFormModel(bytes, form, upstreamName) };
}

/** Adds those of the lines `required` that are not there yet. */
function complete(lines: string[], required: readonly string[]): void {
  for (let i = 0; i < required.length; i += 2) {
    if (valueIndex(lines, required[i] as string) === -1) lines.push(required[i] as string, required[i + 1] as string);
  }
}

/** What was read here as JSON in UTF-8 is to be read so by everybody, whatever the client has called it. */
function declareJson(lines: string[]): void {
  const index = valueIndex(lines, 'content-type');
  if (index === -1) lines.push('content-type', 'application/json');
  else if (!isPlainJson(lines[index] as string)) lines[index] = 'application/json';
}

/** Where the value of the first line of this lower-case name stands, or -1. */
function valueIndex(lines: readonly string[], name: string): number {
  for (let i = 0; i < lines.length; i += 2) if ((lines[i] as string).toLowerCase() === name) return i + 1;
  return -1;
}
