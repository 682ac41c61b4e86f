/** What most people would write: Express with http-proxy-middleware and a keep-alive agent. Arguments: port, upstream. */
import { Agent } from 'node:http';
import express from 'express';
import { createProxyMiddleware } from 'http-proxy-middleware';

const [port = '0', target = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 512 });

const app = express();
app.disable('x-powered-by');
app.use(createProxyMiddleware({ target, agent, changeOrigin: true }));
app.listen(Number(port), '127.0.0.1');
