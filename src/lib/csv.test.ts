import { expect, test } from '@jest/globals';
import { csvLine } from './csv.ts';

test('cells are separated, and quoted where they hold what separates', () => {
  expect(csvLine(['a', 'b,c', 'say "x"', 'two\nlines', '', 7])).toBe('a,"b,c","say ""x""","two\nlines",,7\r\n');
});

test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\t=1', '\r=1'])('%j is no formula to a spreadsheet', (text) => {
  expect(csvLine([text]).replace(/^"/, '')).toMatch(/^'/);
});

test('negative numbers stay numbers', () => {
  expect(csvLine([-1])).toBe('-1\r\n');
});
