import type { WireCase } from '../wire-case.ts';
import { bare, refused, served } from './message.ts';

/** Whom a request is for. */
export const HOSTS: readonly WireCase[] = [
  refused('HTTP/1.1 without Host', 'RFC 9112 3.2', bare('GET /open/x HTTP/1.1'), 400),
  refused('an empty Host', 'RFC 9112 3.2', bare('GET /open/x HTTP/1.1', ['Host:']), 400),
  refused('two Host lines', 'RFC 9112 3.2', bare('GET /open/x HTTP/1.1', ['Host: h', 'Host: h']), 400),
  refused('absolute-form without Host', 'RFC 9112 3.2', bare('GET http://h/open/x HTTP/1.1'), 400),
  refused('absolute-form with another Host', 'RFC 9112 3.2.2', bare('GET http://a/open/x HTTP/1.1', ['Host: b']), 400),
  refused('a target of another scheme', 'RFC 9110 7.4', bare('GET ftp://h/open/x HTTP/1.1', ['Host: h']), 400),
  refused('userinfo in the target', 'RFC 9110 4.2.4', bare('GET http://u:p@h/open/x HTTP/1.1', ['Host: u:p@h']), 400),
  refused('HTTP/1.0 without Host on a route', 'a choice', bare('GET /open/x HTTP/1.0'), 400),
  served('absolute-form', 'RFC 9112 3.2.2', bare('GET http://h/open/x?y HTTP/1.1', ['Host: h']), 'GET /x?y'),
  served(
    'absolute-form with a scheme in capitals',
    'RFC 3986 3.1',
    bare('GET HTTP://H/open/x HTTP/1.1', ['Host: h']),
    'GET /x',
  ),
  ...[
    ['http://h:80', 'h'],
    ['http://h', 'h:80'],
    ['http://h:', 'h'],
    ['http://h', 'h:'],
    ['http://H:080', 'h:'],
    ['https://h:443', 'h'],
    ['http://[::1]:80', '[::1]'],
  ].map(([target, host]) =>
    served(
      `${target} for Host: ${host}`,
      'RFC 9110 4.2.3',
      bare(`GET ${target}/open/x HTTP/1.1`, [`Host: ${host}`]),
      'GET /x',
    ),
  ),
  ...['h:80', 'h:', 'h.', 'H', '127.0.0.1:8000', '[::1]', '[::1]:80', 'a_b', 'xn--bcher-kva.test'].map((host) =>
    served(`Host: ${host}`, 'RFC 9110 7.2', bare('GET /open/x HTTP/1.1', [`Host: ${host}`]), 'GET /x'),
  ),
  ...[
    '.',
    '..',
    '.a',
    'a..b',
    'a b',
    'a,b',
    'a/b',
    'a?b',
    'a#b',
    'u@a',
    'a:x',
    'a:99999',
    '[::1',
    '::1',
    '[a]',
    'a\\b',
    'a%2eb',
    'a:80:80',
  ].map((host) => refused(`Host: ${host}`, 'RFC 9110 7.2', bare('GET /open/x HTTP/1.1', [`Host: ${host}`]), 400)),
];
