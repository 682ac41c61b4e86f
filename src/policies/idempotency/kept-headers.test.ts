import { expect, test } from '@jest/globals';
import { keptHeaders, restoreHeaders } from './kept-headers.ts';

const HEAD = [
  ['Content-Type', 'application/json', 'ETag', '"1"', 'Vary', 'Accept', 'Vary', 'Origin', 'X-Gateway-Model', 'gpt-4'],
  [
    'Content-Length',
    '5',
    'Date',
    'now',
    'X-Request-Id',
    'req_1',
    'Connection',
    'close',
    'Transfer-Encoding',
    'chunked',
  ],
  ['X-RateLimit-Remaining', '3', 'RateLimit', 'a', 'x-ratelimit-reset-requests', '1s', 'Retry-After', '1'],
  ['Access-Control-Allow-Origin', 'https://a.example', 'X-Gateway-Attempts', '2'],
].flat();

const KEPT = HEAD.slice(0, 10);

test('what speaks of one response, or of the limits at that time, is not kept', () => {
  expect(keptHeaders(HEAD)).toEqual(KEPT);
});

test('what is kept replaces what a replay says under the same names, and leaves the rest', () => {
  const head = ['Content-Length', '5', 'vary', 'Origin', 'x-request-id', 'req_2', 'X-Gateway-Model', 'llama-2'];
  restoreHeaders(head, KEPT);
  expect(head).toEqual(['Content-Length', '5', 'x-request-id', 'req_2', ...KEPT]);
});
