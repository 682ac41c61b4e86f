import type { Dependencies } from '../policies/policy-dependencies.ts';
import type { Proceed } from './serve.ts';

/** The same, with the exchange put on record before where it is of a kind that is. Throws OVERLOADED when it cannot be. */
export function recorded(usage: Pick<Dependencies['usage'], 'open'>, proceed: Proceed): Proceed {
  return (exchange, route) => {
    const opening = usage.open(exchange);
    return opening ? opening.then(() => proceed(exchange, route)) : proceed(exchange, route);
  };
}
