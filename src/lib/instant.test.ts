import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseInstant } from './instant.ts';

test.each([
  ['2027-01-01', '2027-01-01T00:00:00.000Z'],
  ['2027-01-01T12:30Z', '2027-01-01T12:30:00.000Z'],
  ['2027-01-01 12:30:05+02:00', '2027-01-01T10:30:05.000Z'],
])('%s is %s', (written, instant) => expect(parseInstant(written)).toBe(Date.parse(instant)));

test.each([
  '2027-02-30',
  '2027-13-01',
  '2027-1-1',
  '01.01.2027',
  '2027-01-01T25:00Z',
  '2027-01-01T12:00',
  '',
  5,
  undefined,
])('%p is no instant', (written) => expect(parseInstant(written)).toBeUndefined());

test('every instant in ISO form is read back', () => {
  const dates = fc.date({ min: new Date('1970-01-01'), max: new Date('2200-01-01'), noInvalidDate: true });
  fc.assert(fc.property(dates, (date) => expect(parseInstant(date.toISOString())).toBe(date.getTime())));
});
