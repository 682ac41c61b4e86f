import type { RedisScript } from '../../storage/redis.ts';
import type { Charge } from './counter-store.ts';
import type { AlgorithmName, Rule, Verdict } from './rule.ts';

/**
 * All lines of a request in one round trip: each is weighed, and only if none refuses (dry runs do not) each that
 * admits is charged. Mirrors step.ts function by function, in whole numbers that fit a double. Every key gets a TTL.
 *
 * KEYS[i]: the hash of line i. ARGV[1]: now in microseconds, 0 = the server's clock. Then 8 per line: algorithm,
 * dry run, capacity, window, two numbers of the algorithm, horizon, cost. Reply: 1 or 0 for admitted, then 4 per line:
 * admitted, remaining, reset, retry.
 */
const LUA = `
local floor, ceil, max, min = math.floor, math.ceil, math.max, math.min
local call = redis.call
local now = tonumber(ARGV[1])
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function cell(key, index)
  local count, last = string.match(call('HGET', key, index), '(%d+):(%d+)')
  return tonumber(count), tonumber(last)
end

local function weigh_sliding(key, line)
  local v = call('HMGET', key, 't', 'h', 'n', 'o', 'c', 'l', 'f')
  local s = { total = tonumber(v[1]) or 0 }
  if s.total > 0 then
    s.head, s.next, s.opened = tonumber(v[2]), tonumber(v[3]), tonumber(v[4])
    s.count, s.last, s.oldest = tonumber(v[5]), tonumber(v[6]), tonumber(v[7])
    if s.last + line.window <= now or s.last - now > line.window then
      s = { total = 0, stale = true }
    end
  end
  if s.total > 0 and s.oldest + line.window <= now then
    s.dropped = {}
    local count, last = cell(key, s.head)
    while last + line.window <= now do
      s.total = s.total - count
      s.dropped[#s.dropped + 1] = s.head
      s.head = s.head + 1
      if s.head == s.next then count, last = s.count, s.last else count, last = cell(key, s.head) end
    end
    s.oldest = last
  end
  local remaining = line.capacity - s.total
  local admitted = line.cost <= remaining
  local reset, retry = 0, 0
  if s.total > 0 then reset = s.last + line.window - now end
  if not admitted then
    if s.total == 0 then
      retry = line.window
    else
      local index, freed, last = s.head, 0, s.last
      while index < s.next do
        local count, at = cell(key, index)
        freed = freed + count
        if freed >= line.cost - remaining then last = at break end
        index = index + 1
      end
      retry = last + line.window - now
    end
  end
  return s, { admitted, max(0, remaining), reset, retry }
end

local function charge_sliding(key, line, s, verdict)
  local at = now
  if s.total == 0 then
    if s.stale then call('DEL', key) end
    s.head, s.next, s.opened, s.count, s.oldest = 0, 0, at, line.cost, at
  else
    at = max(now, s.last)
    if s.count >= line.a or at - s.opened >= line.b then
      call('HSET', key, s.next, string.format('%.0f:%.0f', s.count, s.last))
      s.next, s.opened, s.count = s.next + 1, at, line.cost
    else
      s.count = s.count + line.cost
      if s.head == s.next then s.oldest = at end
    end
  end
  s.last, s.total = at, s.total + line.cost
  if s.dropped then call('HDEL', key, unpack(s.dropped)) end
  call('HSET', key, 't', s.total, 'h', s.head, 'n', s.next, 'o', s.opened, 'c', s.count, 'l', s.last, 'f', s.oldest)
  verdict[2], verdict[3] = verdict[2] - line.cost, at + line.window - now
end

local function wait_bucket(line, s, missing)
  if missing <= 0 then return 0 end
  local periods = floor(missing / line.a)
  local rest = missing - periods * line.a
  return s.at - now + periods * line.b + ceil((rest * line.b - s.fraction) / line.a)
end

local function weigh_bucket(key, line)
  local v = call('HMGET', key, 'm', 'r', 'a')
  local full = line.capacity * 1000
  local s = { tokens = tonumber(v[1]), fraction = tonumber(v[2]), at = tonumber(v[3]) }
  if not s.tokens or now - s.at > line.horizon or s.at - now > line.horizon then
    s = { tokens = full, fraction = 0, at = now }
  else
    local elapsed = max(0, now - s.at)
    local periods = floor(elapsed / line.b)
    local parts = (elapsed - periods * line.b) * line.a + min(s.fraction, line.b - 1)
    local whole = floor(parts / line.b)
    local gained = periods * line.a + whole
    s.at = max(now, s.at)
    if gained >= full - s.tokens then
      s.tokens, s.fraction = full, 0
    else
      s.tokens, s.fraction = s.tokens + gained, parts - whole * line.b
    end
  end
  local missing = line.cost * 1000 - s.tokens
  return s, { missing <= 0, floor(s.tokens / 1000), wait_bucket(line, s, full - s.tokens), wait_bucket(line, s, missing) }
end

local function charge_bucket(key, line, s, verdict)
  s.tokens = s.tokens - line.cost * 1000
  call('HSET', key, 'm', s.tokens, 'r', s.fraction, 'a', s.at)
  verdict[2], verdict[3] = verdict[2] - line.cost, wait_bucket(line, s, line.capacity * 1000 - s.tokens)
end

local function weigh_fixed(key, line)
  local v = call('HMGET', key, 'i', 'c')
  local index = floor(now / line.window)
  local s = { index = tonumber(v[1]) or 0, count = tonumber(v[2]) or 0 }
  if index > s.index or index < s.index - 1 then s = { index = index, count = 0 } end
  local remaining = line.capacity - s.count
  local wait = (s.index + 1) * line.window - now
  local admitted = line.cost <= remaining
  return s, { admitted, max(0, remaining), s.count == 0 and 0 or wait, admitted and 0 or wait }
end

local function charge_fixed(key, line, s, verdict)
  s.count = s.count + line.cost
  call('HSET', key, 'i', s.index, 'c', s.count)
  verdict[2], verdict[3] = verdict[2] - line.cost, (s.index + 1) * line.window - now
end

local weigh = { weigh_sliding, weigh_bucket, weigh_fixed }
local charge = { charge_sliding, charge_bucket, charge_fixed }

local lines, states, verdicts, refused = {}, {}, {}, false
for i = 1, #KEYS do
  local n = (i - 1) * 8 + 1
  local line = {
    algorithm = tonumber(ARGV[n + 1]), dry = ARGV[n + 2] == '1', capacity = tonumber(ARGV[n + 3]),
    window = tonumber(ARGV[n + 4]), a = tonumber(ARGV[n + 5]), b = tonumber(ARGV[n + 6]),
    horizon = tonumber(ARGV[n + 7]), cost = tonumber(ARGV[n + 8])
  }
  lines[i] = line
  states[i], verdicts[i] = weigh[line.algorithm](KEYS[i], line)
  if not verdicts[i][1] and not line.dry then refused = true end
end

local reply = { refused and 0 or 1 }
for i = 1, #KEYS do
  local verdict, line = verdicts[i], lines[i]
  if not refused and verdict[1] then
    charge[line.algorithm](KEYS[i], line, states[i], verdict)
    call('PEXPIRE', KEYS[i], ceil(line.horizon / 1000) + 1000)
  end
  local n = #reply
  reply[n + 1], reply[n + 2], reply[n + 3], reply[n + 4] = verdict[1] and 1 or 0, verdict[2], verdict[3], verdict[4]
end
return reply
`;

export const DECIDE: RedisScript = { name: 'turnpikeDecide', lua: LUA };

const ALGORITHM_NUMBERS: Readonly<Record<AlgorithmName, number>> = {
  sliding_window: 1,
  token_bucket: 2,
  fixed_window: 3,
};

/** Appends what the script must know of one charge. */
export function pushScriptArgs(args: (string | number)[], { line, cost }: Charge): void {
  const { rule } = line;
  const [a, b] = termsOf(rule);
  const algorithm = ALGORITHM_NUMBERS[rule.algorithm];
  args.push(algorithm, line.isDryRun ? 1 : 0, rule.capacity, rule.windowUs, a, b, rule.horizonUs, cost);
}

function termsOf(rule: Rule): readonly [number, number] {
  return rule.algorithm === 'token_bucket' ? [rule.gain, rule.gainUs] : [rule.cellSize, rule.cellUs];
}

/** The script's answer as verdicts, one per line. */
export function readScriptReply(reply: readonly number[]): { isRefused: boolean; verdicts: Verdict[] } {
  const verdicts: Verdict[] = [];
  for (let i = 1; i + 3 < reply.length; i += 4) {
    const [admitted, remaining, resetUs, retryUs] = reply.slice(i, i + 4) as [number, number, number, number];
    verdicts.push({ admitted: admitted === 1, remaining, resetUs, retryUs });
  }
  return { isRefused: reply[0] === 0, verdicts };
}
