/** What is promised, as data. A figure is here only when somebody ran what is named beside it and read it off. */

export interface PromiseRow {
  readonly promise: string;
  readonly number: string;
  /** With its date, or the record that has it; none where the figure was never taken by itself. */
  readonly measured?: string;
  /** Paths of tests; none where nothing tests it yet. */
  readonly tests: readonly string[];
}

const conformance = 'tests/conformance';
const security = 'tests/security';
const chaos = 'tests/chaos';
const integration = 'tests/integration';

export const PROMISES: readonly PromiseRow[] = [
  {
    promise: 'One request of a client is at most one request upstream, with its own body',
    number: '0 smuggled, 0 mixed answers',
    measured: '2026-12-01: 1,070 disguised requests, 1,002 refused, 0 smuggled',
    tests: [
      `${conformance}/requests.test.ts`,
      `${conformance}/smuggling.long.ts`,
      `${security}/request-smuggling.test.ts`,
    ],
  },
  {
    promise: 'An answer is complete only if it was, and a malformed one reaches no client',
    number: '0 mixed answers',
    tests: [
      `${conformance}/answers.test.ts`,
      `${conformance}/answers.long.ts`,
      `${security}/hostile-upstreams.test.ts`,
    ],
  },
  {
    promise: 'Nothing a client sends ends the process',
    number: '0 exits, 0 escaped errors in 10 minutes of sequences',
    tests: [`${conformance}/sequences.test.ts`, `${conformance}/sequences.long.ts`, `${security}/resets.test.ts`],
  },
  {
    promise: 'No spelling of a path reaches a protected upstream without a key',
    number: '0',
    tests: [`${security}/path-spellings.test.ts`, `${security}/access-matrix.test.ts`],
  },
  {
    promise: 'What a client does is never held against an upstream',
    number: 'every row of the table of faults',
    tests: [`${integration}/fault-table.test.ts`, `${integration}/whose-fault.test.ts`],
  },
  {
    promise: 'Slow clients are ended, and cost nobody else anything',
    number: 'head 10 s, body by rate',
    tests: [`${security}/slow-clients.long.ts`, `${integration}/upload-pace.test.ts`],
  },
  {
    promise: 'Reloads fail nothing that runs',
    number: '0 of 500 long exchanges over 100 reloads',
    tests: [`${chaos}/reloads.test.ts`, `${chaos}/reloads.long.ts`],
  },
  {
    promise: 'A rolling restart fails nothing that ends within `shutdown.drain`',
    number: '0',
    tests: [`${chaos}/rolling-restart.long.ts`, `${chaos}/shutdown-tunnels.test.ts`],
  },
  {
    promise: 'A configuration with a mistake is never live',
    number: '0',
    tests: [`${integration}/config-validity.test.ts`, `${integration}/failed-start.test.ts`],
  },
  {
    promise: 'Limits hold over all gateways that share a store, also when some are killed',
    number: 'admitted ≤ limit in every window',
    measured:
      '2026-12-01, three gateways, three kills: strict 41 of 40, leased 160 of 160; why one too many is not known yet',
    tests: [
      `${chaos}/history.long.ts`,
      `${integration}/limits/shared-limits.test.ts`,
      `${integration}/limits/fleet.long.ts`,
    ],
  },
  {
    promise: 'After Redis lost its data, or came back with an old dump, a window admits at most one further limit',
    number: 'admitted ≤ 2 x limit',
    measured: '2026-12-01: strict 48 and 66 of 40, leased 160 and 228 of 160',
    tests: [`${chaos}/history.long.ts`],
  },
  {
    promise: 'Budgets are not overspent by requests that run at once, or by gateways that are killed',
    number: 'spent ≤ budget + what was in flight',
    measured:
      '2026-12-01: 10,000 of 10,000 tokens after three kills. A loss of the data in Redis begins a budget anew: 21,200 after two',
    tests: [
      `${chaos}/history.long.ts`,
      `${integration}/budgets.test.ts`,
      `${integration}/limits/budgets-agree.test.ts`,
    ],
  },
  {
    promise: 'Every answered request to a model has exactly one record',
    number: '0 lost, 0 doubled',
    measured: '2026-12-01: 424 answers, 424 records',
    tests: [`${chaos}/history.long.ts`, `${integration}/usage-crash.test.ts`, `${integration}/usage-crash.long.ts`],
  },
  {
    promise: 'Redis that is away is noticed by no client',
    number: 'each process counts with its share of the limit',
    tests: [`${integration}/limits/redis-outage.test.ts`, 'tests/acceptance/redis-failures.test.ts'],
  },
  {
    promise: 'A database that is away leaves known callers working',
    number: 'unknown keys 503',
    tests: [`${integration}/database-failures.test.ts`],
  },
  {
    promise: 'A full disk stops changes and not traffic, and loses no count',
    number: '0 failed, 0 lost',
    tests: [`${chaos}/full-disk.long.ts`],
  },
  {
    promise: 'What is revoked is refused everywhere',
    number: '2 s',
    tests: [`${security}/revoked-access.test.ts`, `${integration}/token-revocation.test.ts`],
  },
  {
    promise: 'Secrets are in no output',
    number: '0',
    tests: [`${security}/secret-canary.test.ts`, 'tests/support/secret-leaks.test.ts'],
  },
  {
    promise: 'The cost of metrics does not depend on what clients write',
    number: '+0 series',
    tests: [`${security}/metric-cardinality.test.ts`],
  },
  {
    promise: 'A key sent twice with `Idempotency-Key` runs once',
    number: '1',
    tests: [`${integration}/idempotency.test.ts`, `${integration}/idempotency-killed.long.ts`],
  },
  {
    promise: 'What runs with the gateway was reviewed',
    number: 'every package has its licence on a list',
    tests: ['tests/quality/supply-chain.test.ts'],
  },
];

/** What must hold before a release, by subject. */
export const MUST_PASS: readonly { readonly subject: string; readonly tests: readonly string[] }[] = [
  { subject: 'lengths and codings of requests, chunks, grammar, hosts', tests: [`${conformance}/requests.test.ts`] },
  { subject: 'each of these in fragments, at every offset', tests: [`${conformance}/sequences.long.ts`] },
  { subject: 'framing of answers, 1xx, 204, 304, HEAD', tests: [`${conformance}/answers.test.ts`] },
  { subject: 'pipelined requests of different callers', tests: [`${security}/connection-order.test.ts`] },
  { subject: 'hop-by-hop fields, fields that `Connection` names', tests: [`${security}/header-rules.test.ts`] },
  { subject: 'forged identity and forwarding fields', tests: [`${security}/header-forging.test.ts`] },
  { subject: 'duplicate and ambiguous credentials', tests: [`${security}/credential-tricks.test.ts`] },
  { subject: 'upgrades, h2c, answers to upgrades', tests: [`${security}/upgrade-smuggling.test.ts`] },
  { subject: 'administration on another socket, without its key', tests: [`${security}/admin-access.test.ts`] },
  { subject: 'answers before the upload has ended', tests: [`${integration}/lingering-close.test.ts`] },
  { subject: 'retries, breakers, one probe at a time', tests: [`${integration}/resilience.test.ts`] },
  {
    subject: 'streams cut by either side, faults of providers',
    tests: [`${integration}/relay-faults.test.ts`, `${integration}/relay-streams.test.ts`],
  },
  { subject: 'Redis Cluster and Sentinel', tests: [`${integration}/limits/clustered-limits.test.ts`] },
  {
    subject: 'tokens: algorithms, key ids, claims, times',
    tests: [`${security}/tokens-own.test.ts`, `${security}/tokens-foreign.test.ts`],
  },
  { subject: 'key sets of issuers that misbehave', tests: [`${integration}/token-key-set.test.ts`] },
  { subject: 'rights: intersection at creation and use', tests: [`${security}/rights-closed.test.ts`] },
  { subject: 'floods at login, sign-up and key guessing', tests: [`${security}/doors.test.ts`] },
  { subject: 'refresh tokens used twice', tests: [`${integration}/sessions.test.ts`] },
  { subject: 'text from outside in errors and logs', tests: [`${security}/reflection.test.ts`] },
  { subject: 'prototypes of objects in configurations', tests: [`${security}/config-pollution.test.ts`] },
  { subject: 'ten million mutations of requests and answers in one run', tests: [] },
  { subject: 'eight hours of fuzzing for each target', tests: [] },
  { subject: 'a thousand paused readers of large streams, by resident memory', tests: [] },
  { subject: 'the dearest legal request of each kind, by memory and event-loop stall', tests: [] },
  { subject: 'a heap of 256 MB under overload', tests: [] },
  { subject: 'wall clock set back and forth by an hour while running', tests: [] },
  { subject: 'acknowledged changes of administrators over 50 kills', tests: [] },
  { subject: 'new versions of packages wait a week', tests: [] },
];

/** What is not done, and the record that says why. */
export const DECLINED: readonly { readonly what: string; readonly record: string }[] = [
  {
    what: 'Forms of HTTP/1.1 that are refused though a rule allows them',
    record: '0026-where-the-edge-is-stricter-than-http.md',
  },
  { what: 'Pipelined requests that are not safe, run beside each other', record: '0025-the-order-on-a-connection.md' },
  { what: 'Login throttles shared by processes', record: '0023-login-throttles-per-process.md' },
  { what: 'Breakers and concurrency shared by processes', record: '0022-several-processes.md' },
  { what: 'What a killed gateway had under way, counted against a budget', record: '0021-budgets-are-reserved.md' },
  { what: 'Units that a killed gateway had taken in advance, given back', record: '0018-units-taken-in-advance.md' },
  { what: 'Records of the last 10 ms before a machine loses power', record: '0019-usage-journal.md' },
];
