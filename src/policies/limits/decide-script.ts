import type { RedisScript } from '../../storage/redis.ts';
import type { Charge, Decision } from './counter-store.ts';
import type { AlgorithmName, Verdict } from './rule.ts';

/**
 * All lines of many requests in one round trip. Requests are decided one after the other, each as a whole: all its lines
 * are weighed, and only if none refuses (dry runs do not) each that admits is charged. Mirrors step.ts, in whole numbers
 * that fit a double. Every key gets a TTL.
 *
 * A state is one string of packed doubles, read by one GET and written by one SET, because commands and conversions are
 * what a script spends its time on. sliding_window: total, opening time, count and last time of the newest cell, then
 * count and last time of each closed cell, oldest first. token_bucket: thousandths, fraction, time. fixed_window:
 * index, count.
 *
 * KEYS: the lines of all requests, in order. ARGV[1]: now in microseconds, 0 = the server's clock. Then per request the
 * number of its lines, and per line: a letter for the algorithm (s, b, f; upper case for a dry run), capacity, window,
 * cost, two numbers of sliding_window and token_bucket. Reply, per request: 1 or 0 for admitted, then 4 per line:
 * admitted, remaining, reset, retry. The numbers come in one text, because a client decodes a text at once and an array
 * piece by piece; all are below 10^14, up to where Lua writes a number in full.
 */
const LUA = `
local floor, ceil, tonumber = math.floor, math.ceil, tonumber
local pack, unpack, call = struct.pack, struct.unpack, redis.call
local keys, args = KEYS, ARGV
local now, position = tonumber(args[1]), 2
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function wait_for(missing, gain, gain_us, fraction, at)
  if missing <= 0 then return 0 end
  local periods = floor(missing / gain)
  return at - now + periods * gain_us + ceil(((missing - periods * gain) * gain_us - fraction) / gain)
end

local reply, replied, before = {}, 0, 0

while position <= #args do
local lines = tonumber(args[position])
position = position + 1
local values, resets, remainders, ttls, refused = {}, {}, {}, {}, false

for i = 1, lines do
  local letter = args[position]
  local capacity, window, cost = tonumber(args[position + 1]), tonumber(args[position + 2]), tonumber(args[position + 3])
  position = position + 4
  local value = call('GET', keys[before + i])
  local admitted, remaining, reset, retry, ttl = false, 0, 0, 0, window

  if letter == 's' or letter == 'S' then
    local cell_size, cell_us = tonumber(args[position]), tonumber(args[position + 1])
    position = position + 2
    local total, opened, count, last, cells = 0, 0, 0, 0, 33
    if value then
      total, opened, count, last = unpack('dddd', value)
      if last + window <= now or last - now > window then
        total = 0
      else
        local size = #value
        while cells < size do
          local closed, at = unpack('dd', value, cells)
          if at + window > now then break end
          total = total - closed
          cells = cells + 16
        end
      end
    end
    remaining = capacity - total
    admitted = cost <= remaining
    if admitted then
      local rest = ''
      if total == 0 then
        opened, count, last = now, cost, now
      else
        if cells < #value then rest = string.sub(value, cells) end
        local at = last
        if now > last then at = now end
        if count >= cell_size or at - opened >= cell_us then
          rest = rest .. pack('dd', count, last)
          opened, count = at, cost
        else
          count = count + cost
        end
        reset = last + window - now
        last = at
      end
      values[i], resets[i] = pack('dddd', total + cost, opened, count, last) .. rest, last + window - now
    else
      local freed, at = 0, last
      if total == 0 then
        retry = window
      else
        for from = cells, #value - 1, 16 do
          local closed, closed_at = unpack('dd', value, from)
          freed = freed + closed
          if freed >= cost - remaining then at = closed_at break end
        end
        retry, reset = at + window - now, last + window - now
      end
      if remaining < 0 then remaining = 0 end
    end

  elseif letter == 'b' or letter == 'B' then
    local gain, gain_us = tonumber(args[position]), tonumber(args[position + 1])
    position = position + 2
    local full = capacity * 1000
    local tokens, fraction, at = full, 0, now
    ttl = ceil(full / gain) * gain_us
    if value then
      local known, part, since = unpack('ddd', value)
      if now - since <= ttl and since - now <= ttl then
        local elapsed = now - since
        if elapsed < 0 then elapsed, at = 0, since end
        if part > gain_us - 1 then part = gain_us - 1 end
        local periods = floor(elapsed / gain_us)
        local parts = (elapsed - periods * gain_us) * gain + part
        local whole = floor(parts / gain_us)
        local gained = periods * gain + whole
        if gained < full - known then tokens, fraction = known + gained, parts - whole * gain_us end
      end
    end
    local missing = cost * 1000 - tokens
    admitted = missing <= 0
    remaining = floor(tokens / 1000)
    reset = wait_for(full - tokens, gain, gain_us, fraction, at)
    if admitted then
      tokens = tokens - cost * 1000
      values[i] = pack('ddd', tokens, fraction, at)
      resets[i] = wait_for(full - tokens, gain, gain_us, fraction, at)
    else
      retry = wait_for(missing, gain, gain_us, fraction, at)
    end

  else
    local index, count = floor(now / window), 0
    if value then
      local known, counted = unpack('dd', value)
      if index == known or index == known - 1 then index, count = known, counted end
    end
    local until_next = (index + 1) * window - now
    remaining = capacity - count
    admitted = cost <= remaining
    if count > 0 then reset = until_next end
    if admitted then
      values[i], resets[i] = pack('dd', index, count + cost), until_next
    else
      retry = until_next
      if remaining < 0 then remaining = 0 end
    end
  end

  if admitted then
    remainders[i], ttls[i] = remaining - cost, ceil(ttl / 1000) + 1000
  elseif letter >= 'a' then
    refused = true
  end
  local n = replied + i * 4 - 2
  reply[n], reply[n + 1], reply[n + 2], reply[n + 3] = admitted and 1 or 0, remaining, reset, retry
end

reply[replied + 1] = refused and 0 or 1
if not refused then
  for i, value in pairs(values) do
    call('SET', keys[before + i], value, 'PX', ttls[i])
    reply[replied + i * 4 - 1], reply[replied + i * 4] = remainders[i], resets[i]
  end
end
before, replied = before + lines, replied + 1 + lines * 4
end
return table.concat(reply, ' ')
`;

export const DECIDE: RedisScript = { name: 'turnpikeDecide', lua: LUA };

const LETTERS: Readonly<Record<AlgorithmName, string>> = { sliding_window: 's', token_bucket: 'b', fixed_window: 'f' };

/** Appends what the script must know of one request. */
export function pushScriptArgs(args: (string | number)[], charges: readonly Charge[]): void {
  args.push(charges.length);
  for (const { line, cost } of charges) {
    const { rule } = line;
    const letter = LETTERS[rule.algorithm];
    args.push(line.isDryRun ? letter.toUpperCase() : letter, rule.capacity, rule.windowUs, cost);
    if (rule.algorithm === 'sliding_window') args.push(rule.cellSize, rule.cellUs);
    else if (rule.algorithm === 'token_bucket') args.push(rule.gain, rule.gainUs);
  }
}

/** The numbers of the script's reply. */
export function parseScriptReply(reply: unknown): number[] {
  return String(reply).split(' ').map(Number);
}

/** The answer to the request of so many lines that begins at `from`. */
export function readScriptReply(reply: readonly number[], from: number, lines: number): Decision {
  const verdicts: Verdict[] = [];
  for (let i = from + 1; i <= from + 4 * lines; i += 4) {
    verdicts.push({
      admitted: reply[i] === 1,
      remaining: reply[i + 1] as number,
      resetUs: reply[i + 2] as number,
      retryUs: reply[i + 3] as number,
    });
  }
  return { outcome: reply[from] === 0 ? 'refused' : 'admitted', verdicts };
}
