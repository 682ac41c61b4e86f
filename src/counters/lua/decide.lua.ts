import type { RedisScript } from '../../storage/redis.ts';
import { HOLD_US, SLOT_US } from '../rules/calendar-window.ts';
import type { Charge, Decision, LeaseAsk } from '../counter-store.ts';
import type { Rule, Verdict } from '../rules/rule.ts';

/**
 * All lines of many requests, and units taken in advance, in one round trip. Requests are decided one after the other, each as a whole: all its lines
 * are weighed, and only if none refuses (dry runs do not) each that admits is charged. Mirrors step.ts, in whole numbers
 * that fit a double. Every key gets a TTL.
 *
 * A state is one string of packed doubles, read by one GET and written by one SET, because commands and conversions are
 * what a script spends its time on. sliding_window: total, opening time, count and last time of the newest cell, then
 * count and last time of each closed cell, oldest first. token_bucket: thousandths, fraction, time. fixed_window:
 * index, count. calendar: count, then half-minute and units of each sum of reservations.
 *
 * KEYS: the lines of all requests, in order. ARGV[1]: now in microseconds, 0 = the server's clock. Then per request the
 * number of its lines, and per line: a letter for the algorithm (s, b, f, c; upper case for a dry run), capacity, window,
 * cost, two numbers of the algorithm (calendar: when it is over, and 1 for what is only reserved). 0 lines: units taken in advance, of one line, whose cost is what is needed; after
 * it what is wanted, what part of the rest that may be at most, and for how long they are held. Reply: now; per request 1
 * or 0 for admitted, or the units taken; then 4 per line: admitted, remaining, reset, retry. The numbers come in one text,
 * because a client decodes a text at once and an array piece by piece; from 10^14 on Lua writes a number in full only when
 * told to.
 */
const LUA = `
local HOLD, SLOT = ${HOLD_US}, ${SLOT_US}
local floor, ceil, min, max, tonumber = math.floor, math.ceil, math.min, math.max, tonumber
local pack, unpack, call = struct.pack, struct.unpack, redis.call
local keys, args = KEYS, ARGV
local now, position = tonumber(args[1]), 2
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function wait_for(missing, gain, gain_us, fraction, at)
  local periods = floor(missing / gain)
  local wait = at - now + periods * gain_us + ceil(((missing - periods * gain) * gain_us - fraction) / gain)
  return wait > 0 and wait or 0
end

local function count_left(tokens, gain, gain_us, fraction, at)
  local lag = at - now
  local periods = floor(lag / gain_us)
  local part = floor((fraction - (lag - periods * gain_us) * gain) / gain_us)
  return max(0, floor((tokens - periods * gain + part) / 1000))
end

local function refill(tokens, fraction, at, moment, full, gain, gain_us, horizon)
  local elapsed = moment - at
  if elapsed > horizon and tokens >= 0 or -elapsed > horizon then return full, 0, moment end
  if elapsed < 0 then return tokens, fraction, at end
  local periods = floor(elapsed / gain_us)
  local parts = (elapsed - periods * gain_us) * gain + min(fraction, gain_us - 1)
  local whole = floor(parts / gain_us)
  local gained = periods * gain + whole
  if gained >= full - tokens then return full, 0, moment end
  return tokens + gained, parts - whole * gain_us, moment
end

local function whole(number)
  return number < 1e14 and number or string.format('%.0f', number)
end

local want, share, hold = 0, 1, 0
local function choose_cost(need, remaining)
  local cost = max(min(want, floor(remaining / share)), min(need, remaining))
  return cost > 0 and cost or remaining + 1
end

local reply, replied, before = { string.format('%.0f', now) }, 1, 0

while position <= #args do
local lines, cost = tonumber(args[position]), 0
position = position + 1
local is_lease = lines == 0
hold = 0
if is_lease then lines = 1 end
local values, resets, remainders, ttls, refused = {}, {}, {}, {}, false

for i = 1, lines do
  local letter = args[position]
  local capacity, window = tonumber(args[position + 1]), tonumber(args[position + 2])
  local first, second = tonumber(args[position + 4]), tonumber(args[position + 5])
  cost = tonumber(args[position + 3])
  position = position + 6
  if is_lease then
    want, share, hold = tonumber(args[position]), tonumber(args[position + 1]), tonumber(args[position + 2])
    position = position + 3
  end
  local value = call('GET', keys[before + i])
  local admitted, remaining, reset, retry, ttl = false, 0, 0, 0, window

  if letter == 's' or letter == 'S' then
    local cell_size, cell_us = first, second
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
    if is_lease then cost = choose_cost(cost, max(0, remaining)) end
    admitted = cost <= remaining
    if admitted then
      local rest, at = '', now + hold
      if total == 0 then
        opened, count, last = at, cost, at
      else
        if cells < #value then rest = string.sub(value, cells) end
        if at < last then at = last end
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
    local gain, gain_us, full = first, second, capacity * 1000
    local tokens, fraction, at = full, 0, now
    ttl = ceil(full / gain) * gain_us
    if value then
      tokens, fraction, at = unpack('ddd', value)
      tokens, fraction, at = refill(tokens, fraction, at, now, full, gain, gain_us, ttl)
    end
    remaining = count_left(tokens, gain, gain_us, fraction, at)
    if is_lease then cost = choose_cost(cost, remaining) end
    reset = wait_for(full - tokens, gain, gain_us, fraction, at)
    retry = wait_for(cost * 1000 - tokens, gain, gain_us, fraction, at)
    admitted = retry == 0
    if admitted then
      if hold > 0 then
        tokens, fraction, at = refill(tokens, fraction, at, now + hold, full, gain, gain_us, ttl)
      end
      tokens = tokens - cost * 1000
      values[i] = pack('ddd', tokens, fraction, at)
      remainders[i] = count_left(tokens, gain, gain_us, fraction, at)
      resets[i] = wait_for(full - tokens, gain, gain_us, fraction, at)
    end

  elseif letter == 'c' or letter == 'C' then
    local until_end, is_reserved, count, held, slots, free_at = max(0, first - now), second == 1, 0, 0, '', now
    local mine, reserved = floor((now + HOLD) / SLOT), 0
    if value then
      count = unpack('d', value)
      for from = 9, #value - 1, 16 do
        local slot, units = unpack('dd', value, from)
        local ends = (slot + 1) * SLOT
        if ends > now then
          held, free_at = held + units, max(free_at, ends)
          if slot == mine then reserved = units else slots = slots .. pack('dd', slot, units) end
        end
      end
    end
    remaining = capacity - count - held
    if is_lease then cost = choose_cost(cost, max(0, remaining)) end
    admitted = cost <= remaining
    if count + held > 0 then reset = until_end end
    if admitted then
      if is_reserved then reserved = reserved + cost else count = count + cost end
      if reserved > 0 then slots = slots .. pack('dd', mine, reserved) end
      values[i], resets[i] = pack('d', count) .. slots, until_end
    else
      retry = count + cost <= capacity and min(until_end, free_at - now) or until_end
      if remaining < 0 then remaining = 0 end
    end

  else
    local index, count = floor(now / window), 0
    if value then
      local known, counted = unpack('dd', value)
      if index == known or index == known - 1 then index, count = known, counted end
    end
    local until_next = (index + 1) * window - now
    remaining = capacity - count
    if is_lease then cost = choose_cost(cost, max(0, remaining)) end
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
    remainders[i] = remainders[i] or remaining - cost
    ttls[i] = ceil(max(ttl, resets[i]) / 1000) + 1000
  elseif letter >= 'a' then
    refused = true
  end
  local n = replied + i * 4 - 2
  reply[n], reply[n + 1], reply[n + 2], reply[n + 3] = admitted and 1 or 0, whole(remaining), reset, retry
end

reply[replied + 1] = refused and 0 or is_lease and whole(cost) or 1
if not refused then
  for i, value in pairs(values) do
    call('SET', keys[before + i], value, 'PX', ttls[i])
    reply[replied + i * 4 - 1], reply[replied + i * 4] = whole(remainders[i]), resets[i]
  end
end
before, replied = before + lines, replied + 1 + lines * 4
end
return table.concat(reply, ' ')
`;

export const DECIDE: RedisScript = { name: 'turnpikeDecide', lua: LUA };

const LETTERS: Readonly<Record<Rule['algorithm'], string>> = {
  sliding_window: 's',
  token_bucket: 'b',
  fixed_window: 'f',
  calendar: 'c',
};

export type ScriptArgs = (string | number)[];

/** Appends what the scripts must know of a rule, with one number of the caller's in the middle. */
export function pushRule(
  args: ScriptArgs,
  rule: Rule,
  units: number,
  { isDryRun = false, isReserved = false } = {},
): void {
  const letter = LETTERS[rule.algorithm];
  const isBucket = rule.algorithm === 'token_bucket';
  args.push(isDryRun ? letter.toUpperCase() : letter, rule.capacity, rule.windowUs, units);
  if (rule.algorithm === 'calendar') args.push(rule.endUs, isReserved ? 1 : 0);
  else args.push(isBucket ? rule.gain : rule.cellSize, isBucket ? rule.gainUs : rule.cellUs);
}

/** Appends what the script must know of one request. */
export function pushRequest(args: ScriptArgs, charges: readonly Charge[]): void {
  args.push(charges.length);
  for (const { line, cost, isReserved } of charges)
    pushRule(args, line.rule, cost, { isDryRun: line.isDryRun, isReserved });
}

/** Appends units to be taken in advance. The reply has the form of a request with one line. */
export function pushLease(args: ScriptArgs, { line, need, want, share, holdUs }: LeaseAsk): void {
  args.push(0);
  // What a dry run refuses would otherwise count as taken.
  pushRule(args, line.rule, need);
  args.push(want, share, holdUs);
}

/** The numbers of the script's reply; the first is the store's time. */
export function parseScriptReply(reply: unknown): number[] {
  return String(reply).split(' ').map(Number);
}

/** The answer to the request of so many lines that begins at `from`. */
export function readDecision(reply: readonly number[], from: number, lines: number): Decision {
  const verdicts: Verdict[] = [];
  for (let i = 0; i < lines; i++) verdicts.push(readVerdict(reply, from + 1 + 4 * i));
  return { outcome: reply[from] === 0 ? 'refused' : 'admitted', verdicts, at: reply[0], storeAt: reply[0] };
}

/** One line's part of the answer, 4 numbers. */
export function readVerdict(reply: readonly number[], at: number): Verdict {
  return {
    admitted: reply[at] === 1,
    remaining: reply[at + 1] as number,
    resetUs: reply[at + 2] as number,
    retryUs: reply[at + 3] as number,
  };
}
