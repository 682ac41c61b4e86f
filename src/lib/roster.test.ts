import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Roster } from './roster.ts';

test('holds what a Set would hold, whatever comes and goes', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(9)), { maxLength: 200 }), (moves) => {
      const items = Array.from({ length: 10 }, (_, id) => ({ id, rosterIndex: -1 }));
      const roster = new Roster<(typeof items)[number]>();
      const model = new Set<number>();
      for (const [isAdded, id] of moves) {
        const item = items[id] as (typeof items)[number];
        if (isAdded) {
          roster.add(item);
          model.add(id);
        } else {
          roster.remove(item);
          model.delete(id);
        }
      }
      expect(new Set(roster.list().map(({ id }) => id))).toEqual(model);
      expect(roster.size).toBe(model.size);
    }),
  );
});

test('everything can be removed while it is walked', () => {
  const roster = new Roster<{ rosterIndex: number }>();
  for (let i = 0; i < 5; i++) roster.add({ rosterIndex: -1 });
  roster.forEach((item) => roster.remove(item));
  expect(roster.size).toBe(0);
});
