/** A model that streams. The model's name says how: `first`, `frames/<count>/<ms between>`, `hold`, `flood`. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';

const FLOOD = `data: {"choices":[{"index":0,"delta":{"content":"${'x'.repeat(60_000)}"}}]}\n\n`;
const STOP = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n';

/** Carries the moment of its sending, in nanoseconds of the clock that all processes of a machine share. */
function frame(): string {
  const sent = process.hrtime.bigint();
  return `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"${sent}"},"finish_reason":null}]}\n\n`;
}

function sendFrames(res: ServerResponse, count: number, everyMs: number): void {
  let left = count;
  const timer = setInterval(() => {
    if (left-- > 0 && !res.destroyed) return void res.write(frame());
    clearInterval(timer);
    res.end(STOP);
  }, everyMs);
}

function flood(res: ServerResponse): void {
  if (res.destroyed) return;
  while (res.write(FLOOD));
  res.once('drain', () => flood(res));
}

async function answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.method !== 'POST') return void res.end('ok');
  const { model } = (await json(req)) as { model: string };
  const [kind, count, everyMs] = model.split('/');
  res.writeHead(200, { 'Content-Type': 'text/event-stream' });
  if (kind === 'first') return void res.end(frame() + STOP);
  if (kind === 'flood') return flood(res);
  res.write(frame());
  if (kind === 'frames') sendFrames(res, Number(count), Number(everyMs));
}

createServer((req, res) => void answer(req, res)).listen(Number(process.argv[2]), '127.0.0.1');
