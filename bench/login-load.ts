/**
 * Logs in without end, so many at a time, and prints how many have succeeded when it is told to end (SIGTERM).
 *
 *   node bench/login-load.ts <url> <email> <password> <parallel>
 */
const [url = '', email = '', password = '', parallel = '100'] = process.argv.slice(2);
let done = 0;

async function logInForEver(): Promise<void> {
  for (;;) {
    const headers = { 'content-type': 'application/json' };
    const body = JSON.stringify({ email, password });
    const res = await fetch(`${url}/v1/auth/login`, { method: 'POST', headers, body });
    await res.arrayBuffer();
    if (res.status === 200) done += 1;
  }
}

process.once('SIGTERM', () => {
  process.stdout.write(`${done}\n`, () => process.exit(0));
});
await Promise.all(Array.from({ length: Number(parallel) }, logInForEver));
