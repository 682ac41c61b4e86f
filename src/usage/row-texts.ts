import type { Exchange, MatchedRoute } from '../exchange/exchange.ts';
import type { Model } from '../exchange/model-call.ts';
import type { Principal } from '../exchange/principal.ts';
import { quote, quoteForeign } from './usage-row.ts';

/** Parts of records that repeat from exchange to exchange, made once: half of what a record would cost otherwise. */
export class RowTexts {
  private readonly principals = new WeakMap<Principal, string>();
  private readonly routes = new WeakMap<MatchedRoute, Map<string, string>>();
  private readonly models = new WeakMap<Model, string>();

  /** The text of a record up to `started_at`. */
  beginningOf({ id: requestId, principal, route, edge, model }: Exchange, id: string, startedAt: number): string {
    const who = principal ? this.principalOf(principal) : '"",null,null,null';
    const what = this.actionOf(route, edge.method);
    return `["${id}",${quote(requestId)},${who},${what},${this.modelOf(model?.candidates[0])},${startedAt}`;
  }

  modelOf(model: Model | undefined): string {
    if (!model) return 'null';
    let text = this.models.get(model);
    if (text === undefined) {
      text = quoteForeign(model.name);
      this.models.set(model, text);
    }
    return text;
  }

  private principalOf(principal: Principal): string {
    let text = this.principals.get(principal);
    if (text === undefined) {
      const { consumer, credential, lob } = principal;
      text = [consumer.id, credential.id, consumer.tier, lob].map(quoteForeign).join(',');
      this.principals.set(principal, text);
    }
    return text;
  }

  private actionOf(route: MatchedRoute | undefined, method: string): string {
    if (!route) return '"",""';
    let texts = this.routes.get(route);
    if (!texts) {
      texts = new Map();
      this.routes.set(route, texts);
    }
    let text = texts.get(method);
    if (text === undefined) {
      text = `${quote(`${method} ${route.name}`)},${quote(route.service)}`;
      texts.set(method, text);
    }
    return text;
  }
}
