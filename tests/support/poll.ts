import { setTimeout as delay } from 'node:timers/promises';

interface PollOptions {
  timeoutMs?: number;
  everyMs?: number;
  /** Ends the message of the error: "… within 5000 ms: <what>". */
  what?: string;
}

type Falsy = false | 0 | '' | null | undefined;

/**
 * The first truthy value of `condition`, asked again every `everyMs` (10) until `timeoutMs` (5000) has passed. A
 * condition that throws counts as not yet true; its last error is the cause of the error thrown at the deadline.
 */
export async function until<Value>(
  condition: () => Value | Promise<Value>,
  { timeoutMs = 5000, everyMs = 10, what = String(condition) }: PollOptions = {},
): Promise<Exclude<Value, Falsy>> {
  const deadline = performance.now() + timeoutMs;
  let cause: unknown;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value as Exclude<Value, Falsy>;
      cause = undefined;
    } catch (error) {
      cause = error;
    }
    if (performance.now() >= deadline) throw new Error(`Not true within ${timeoutMs} ms: ${what}`, { cause });
    await delay(everyMs);
  }
}
