/**
 * The least a proxy on Node can do: node:http in front, undici's dispatch behind, nothing else. Arguments: port, upstream,
 * and `stream` where every chunk must leave at once.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { Pool } from 'undici';

const [port = '0', upstream = '', mode = ''] = process.argv.slice(2);
const pool = new Pool(upstream, { connections: 10_000, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 });

function forward(req: IncomingMessage, res: ServerResponse, body: Buffer | null): void {
  const headers = req.rawHeaders.slice();
  // The last chunk ends the response, so that a small answer is one write.
  let held: Buffer | undefined;
  pool.dispatch(
    { path: req.url ?? '/', method: (req.method ?? 'GET') as 'GET', headers, body },
    {
      onRequestStart() {},
      onResponseStart(controller, status) {
        const raw = controller.rawHeaders as Buffer[];
        res.writeHead(
          status,
          raw.map((part) => part.toString('latin1')),
        );
      },
      onResponseData(_controller, chunk) {
        if (mode === 'stream') return void res.write(chunk);
        if (held) res.write(held);
        held = chunk;
      },
      onResponseEnd() {
        res.end(held);
      },
      onResponseError() {
        res.destroy();
      },
    },
  );
}

createServer((req, res) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => forward(req, res, chunks.length === 0 ? null : Buffer.concat(chunks)));
}).listen(Number(port), '127.0.0.1');
