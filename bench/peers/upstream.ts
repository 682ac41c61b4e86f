/** Answers every request with the same small JSON; used where nginx is not installed. Argument: port. */
import { createServer } from 'node:http';

const body = '{"message":"hello","from":"upstream"}';
const headers = { 'content-type': 'application/json', 'content-length': body.length };

createServer((req, res) => {
  req.resume();
  res.writeHead(200, headers).end(body);
}).listen(Number(process.argv[2]), '127.0.0.1');
