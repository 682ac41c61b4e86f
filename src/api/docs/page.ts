import { Type } from '../../lib/schema-builder.ts';
import { defineEndpoint } from '../endpoint.ts';
import { docsAccess } from './docs-access.ts';

/**
 * Addresses are relative to the folder of both paths, so that the page also works behind a proxy that puts a
 * prefix before them.
 */
const PAGE = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Turnpike API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<noscript>This page needs JavaScript. What it shows stands in <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
`;

/** Everything comes from this gateway, and inline scripts do not run. Icons in the style are `data:`. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join(';');

export const docsPageEndpoint = defineEndpoint({
  method: 'GET',
  path: '/docs',
  aliases: ['/redoc'],
  planes: ['public', 'admin'],
  auth: docsAccess,
  summary: 'Shows the OpenAPI document as a page to read and to try requests on.',
  contentType: 'text/html',
  response: Type.String({ description: 'The page.' }),
  handle: () => ({
    status: 200,
    contentType: 'text/html; charset=utf-8',
    text: PAGE,
    headers: { 'Content-Security-Policy': POLICY },
  }),
});
