import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildExchange } from '../../../tests/support/exchange-builder.ts';
import { buildModelCall } from '../../../tests/support/model-call-builder.ts';
import { ScriptedUpstream, sent, unsent } from '../../../tests/support/scripted-upstream.ts';
import { buildService, buildTarget } from '../../../tests/support/target-builder.ts';

const MODELS = ['m1', 'm2', 'm3'] as const;

/** What an attempt may bring, and whether it may have been billed. */
const STEPS = {
  ok: { step: 200, isBilled: false },
  refused: { step: unsent(), isBilled: false },
  overloaded: { step: unsent('overloaded'), isBilled: false },
  reset: { step: sent(), isBilled: true },
  silent: { step: sent('first_byte_timeout'), isBilled: true },
  busy: { step: 503, isBilled: false },
  broken: { step: 500, isBilled: true },
  limited: { step: 429, isBilled: false },
  unknown: { step: 404, isBilled: false },
  invalid: { step: 400, isBilled: false },
} as const;
type StepName = keyof typeof STEPS;

const steps = fc.array(fc.constantFrom(...(Object.keys(STEPS) as StepName[])), { minLength: 6, maxLength: 6 });
const targets = fc.array(fc.subarray([...MODELS], { minLength: 1 }), { minLength: 1, maxLength: 4 });
const attempts = fc.integer({ min: 1, max: 6 });

test('whatever fails, a request is bounded, moves on only, and pays once for what it lost', async () => {
  await fc.assert(
    fc.asyncProperty(steps, targets, attempts, async (script, served, most) => {
      const upstream = new ScriptedUpstream();
      const service = buildService(
        served.map((models, i) => buildTarget(`t${i}`, 1, models)),
        'llm',
      );
      const send = upstream.sendOf(
        script.map((name) => STEPS[name].step),
        service,
        { attempts: most },
      );
      const call = buildModelCall(...MODELS);
      const answer = await send(Object.assign(buildExchange({ method: 'POST' }), { model: call })).catch(
        () => undefined,
      );

      const { calls, answers } = upstream;
      expect(calls.length).toBeLessThanOrEqual(most);
      const models = calls.map((each) => each.slice(0, 2));
      expect(models).toEqual(models.toSorted());
      for (const each of calls) expect(served[Number(each.at(-1))]).toContain(each.slice(0, 2));

      const billed = calls.flatMap((each, i) => (STEPS[script[i] as StepName].isBilled ? [{ each, i }] : []));
      const left = billed.filter(({ i }) => i < calls.length - 1);
      expect(left.length).toBeLessThanOrEqual(1);
      for (const { each, i } of left) expect(calls.slice(i + 1)).not.toContain(each);
      expect(call.lost.map(({ model }) => model.name)).toEqual(left.map(({ i }) => models[i]));

      expect(answers.filter(({ isDiscarded }) => !isDiscarded)).toEqual(answer ? [answer] : []);
    }),
    { numRuns: 300 },
  );
});
