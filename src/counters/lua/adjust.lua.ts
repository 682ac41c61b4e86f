import type { RedisScript } from '../../storage/redis.ts';
import { HOLD_US, SLOT_US } from '../rules/calendar-window.ts';
import type { Correction } from '../counter-store.ts';
import { pushRule, type ScriptArgs } from './decide.lua.ts';

/**
 * Corrections of what was charged, mirroring `correct` of step.ts on the states that decide-script.ts describes. KEYS: one
 * per correction. ARGV[1]: now in microseconds, 0 = the server's clock. Then 9 per correction: letter, capacity, window,
 * units, two numbers of the algorithm, when it was counted, what is no longer reserved, and since when it is again (0 =
 * no more). Replies nothing.
 */
const LUA = `
local HOLD, SLOT = ${HOLD_US}, ${SLOT_US}
local floor, ceil, min, max, tonumber = math.floor, math.ceil, math.min, math.max, tonumber
local pack, unpack, call = struct.pack, struct.unpack, redis.call
local now, position = tonumber(ARGV[1]), 2
if now == 0 then
  local time = call('TIME')
  now = time[1] * 1000000 + time[2]
end

local function join(counts, lasts, index, first, cell_size, cell_us)
  if index <= first or index > #counts then return end
  local count = counts[index - 1] + counts[index]
  if counts[index - 1] ~= 0 and (count > cell_size or lasts[index] - lasts[index - 1] >= cell_us) then return end
  counts[index] = count
  table.remove(counts, index - 1)
  table.remove(lasts, index - 1)
end

local function correct_sliding(value, window, units, cell_size, cell_us, counted)
  local counts, lasts, total, opened = {}, {}, 0, now
  if value then
    local newest, last
    total, opened, newest, last = unpack('dddd', value)
    for from = 33, #value - 1, 16 do
      local count, at = unpack('dd', value, from)
      counts[#counts + 1], lasts[#lasts + 1] = count, at
    end
    counts[#counts + 1], lasts[#lasts + 1] = newest, last
    if last + window <= now or last - now > window then counts, lasts, total = {}, {}, 0 end
  end
  local first = 1
  while first <= #counts and lasts[first] + window <= now do
    total = total - counts[first]
    first = first + 1
  end
  if units > 0 then
    local at = now
    if total == 0 then counts, lasts, first = {}, {}, 1 else at = max(now, lasts[#lasts]) end
    if total == 0 or counts[#counts] >= cell_size or at - opened >= cell_us then
      counts[#counts + 1], opened = 0, at
    end
    counts[#counts], lasts[#counts] = counts[#counts] + units, at
    total = total + units
  else
    local left, index = counted + window > now and -units or 0, first
    while index <= #counts and lasts[index] < counted do index = index + 1 end
    while lasts[index + 1] == counted do index = index + 1 end
    while left > 0 and index >= first and index <= #counts do
      local taken = min(left, counts[index])
      counts[index], total, left = counts[index] - taken, total - taken, left - taken
      join(counts, lasts, index + 1, first, cell_size, cell_us)
      join(counts, lasts, index, first, cell_size, cell_us)
      index = index - 1
    end
  end
  if total == 0 then return nil, 0 end
  local parts = { pack('dddd', total, opened, counts[#counts], lasts[#lasts]) }
  for i = first, #counts - 1 do parts[#parts + 1] = pack('dd', counts[i], lasts[i]) end
  return table.concat(parts), lasts[#lasts] + window - now
end

local function flow(elapsed, gain, gain_us, fraction)
  local periods = floor(elapsed / gain_us)
  local parts = (elapsed - periods * gain_us) * gain + fraction
  local whole = floor(parts / gain_us)
  return periods * gain + whole, parts - whole * gain_us
end

local function correct_bucket(value, capacity, units, gain, gain_us, counted)
  local full = capacity * 1000
  local horizon = ceil(full / gain) * gain_us
  local tokens, fraction, at = full, 0, now
  if value then
    local known, part, since = unpack('ddd', value)
    local elapsed = now - since
    if elapsed < 0 and -elapsed <= horizon then
      tokens, fraction, at = known, part, since
    elseif elapsed >= 0 and (elapsed <= horizon or known < 0) then
      local gained, rest = flow(elapsed, gain, gain_us, min(part, gain_us - 1))
      if gained < full - known then tokens, fraction = known + gained, rest end
    end
  end
  if units > 0 then
    tokens = tokens - units * 1000
  else
    local gained, rest = flow(max(0, now - counted), gain, gain_us, 0)
    if rest > 0 then gained = gained + 1 end
    tokens = tokens + max(0, -units * 1000 - gained)
  end
  if tokens >= full then tokens, fraction = full, 0 end
  local missing = full - tokens
  local periods = floor(missing / gain)
  local wait = at - now + periods * gain_us + ceil(((missing - periods * gain) * gain_us - fraction) / gain)
  return pack('ddd', tokens, fraction, at), max(horizon, wait)
end

local function correct_fixed(value, window, units, counted)
  local index, count = floor(now / window), 0
  if value then
    local known, before = unpack('dd', value)
    if index == known or index == known - 1 then index, count = known, before end
  end
  if units > 0 or floor(counted / window) == index then count = max(0, count + units) end
  return pack('dd', index, count), (index + 1) * window - now
end

local function correct_calendar(value, units, ends, counted, released, renewed)
  local count, rest, old, new, kept = 0, '', floor((counted + HOLD) / SLOT), floor((renewed + HOLD) / SLOT), 0
  if value then
    count = unpack('d', value)
    for from = 9, #value - 1, 16 do
      local slot, held = unpack('dd', value, from)
      if (slot + 1) * SLOT > now then
        if slot == old then held = max(0, held - released) end
        if renewed > 0 and slot == new then kept = held
        elseif held > 0 then rest = rest .. pack('dd', slot, held) end
      end
    end
  end
  if renewed > 0 then rest = rest .. pack('dd', new, kept + released) end
  return pack('d', max(0, count + units)) .. rest, ends - now
end

for i, key in ipairs(KEYS) do
  local letter, capacity, window = ARGV[position], tonumber(ARGV[position + 1]), tonumber(ARGV[position + 2])
  local units, counted = tonumber(ARGV[position + 3]), tonumber(ARGV[position + 6])
  local released, renewed = tonumber(ARGV[position + 7]), tonumber(ARGV[position + 8])
  local first, second = tonumber(ARGV[position + 4]), tonumber(ARGV[position + 5])
  position = position + 9
  local value = call('GET', key)
  local is_over = letter == 'c' and first <= now
  if (value or units > 0) and not is_over then
    local changed, ttl
    if letter == 's' then changed, ttl = correct_sliding(value, window, units, first, second, counted)
    elseif letter == 'b' then changed, ttl = correct_bucket(value, capacity, units, first, second, counted)
    elseif letter == 'c' then changed, ttl = correct_calendar(value, units, first, counted, released, renewed)
    else changed, ttl = correct_fixed(value, window, units, counted) end
    if changed then call('SET', key, changed, 'PX', ceil(max(ttl, window) / 1000) + 1000) else call('DEL', key) end
  end
end
`;

export const ADJUST: RedisScript = { name: 'turnpikeAdjust', lua: LUA };

/** Appends one correction. */
export function pushCorrection(args: ScriptArgs, { line, units, at, change }: Correction): void {
  pushRule(args, line.rule, units);
  args.push(at ?? 0, change?.released ?? 0, change?.renewedAt ?? 0);
}
