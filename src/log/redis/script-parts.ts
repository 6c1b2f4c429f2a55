// Common Lua parts of the room scripts. scripts.ts combines them.

// KEYS[1] is the log's hash: epoch, seq, run (the server's run id), and two marks.
export const NOW = `
local log = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
`;

export const EPOCH = `
${NOW}
if redis.call('HGET', log, 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH the log has a new epoch') end
`;

/**
 * A room's position is stored for three periods after the room's last publication. An unknown room may have been
 * removed after that time, so it is complete only from a seq that the log had one to three periods ago. Such a seq is
 * always available, because the seq is recorded as a mark in every sweep and whenever a node enters the log. ARGV[2]:
 * the period in ms.
 */
export const FORGOTTEN = `
local period = tonumber(ARGV[2])
local function forgotten()
  local marks = redis.call('HMGET', log, 'seq', 'old', 'mark', 'marked')
  local age = now - tonumber(marks[4] or 0)
  if age < period then return tonumber(marks[2] or 0) end
  local old = age < 2 * period and marks[3] or marks[1] or '0'
  redis.pcall('HSET', log, 'old', old, 'mark', marks[1] or '0', 'marked', whole(now))
  return tonumber(old)
end
-- From now on, an unknown room is complete from this seq at the earliest.
local function forget(seq)
  redis.pcall('HSET', log, 'old', whole(seq), 'mark', whole(seq), 'marked', whole(now))
end
`;

/**
 * Finds a room, even if Redis has evicted or expired any of its keys, or an operator has deleted one. Every result is
 * correct at the time of the call, because Redis never evicts keys while a script runs:
 * - The hash exists: it is correct. If the stream has been lost, everything up to `last` is lost (READ and APPEND
 * detect it).
 * - Only the stream exists: it has the newest seq (its last id, even if the stream is empty), and each entry names its
 * predecessor. The hash is restored from the stream, and nothing is lost.
 * - Neither exists: the index distinguishes a lost room from a room that was never used or has expired. The index lists
 * every room until the room's hash expires. The index is a single key without an expiry, so `volatile-*` policies never
 * evict it. If an `allkeys-*` policy evicts it, its guard entry (the empty name) is lost too. In that case, any room
 * may be lost, and the marks rise to the newest seq. Rooms last published to before that moment are below the marks.
 * Rooms that are published to later are in the new index.
 * - The log's hash is lost: the epoch is lost with it, and the log starts a new epoch.
 *
 * If a room is lost, only `floor` is written, so that the result stays the same until the room's next publication.
 * Returns last, bytes, first, floor. If `last` is missing, the room is unknown and complete from `floor` on.
 */
export const FIND = `
local function restore(room, stream)
  local about, flat = {}, redis.call('XINFO', 'STREAM', stream)
  for i = 1, #flat, 2 do about[flat[i]] = flat[i + 1] end
  local last = string.match(about['last-generated-id'], '^%d+')
  local some = redis.call('XRANGE', stream, '-', '+', 'COUNT', 100)
  local bytes, first, floor = 0, whole(now), last
  for i = 1, #some do
    local seq, prev, time, size = string.match(some[i][2][2], '^(%d+) (%d+) (%d+) (%d+)')
    bytes = bytes + tonumber(size) + 256
    if i == 1 then
      first, floor = time, prev
      -- The room was unknown before. The message includes the seq from which the room is complete.
      if prev == '0' then
        floor = string.match(some[i][2][2], '^%d+ %d+ %d+ %d+ (%d+)') or whole(tonumber(seq) - 1)
      end
    end
  end
  if #some > 0 then bytes = math.floor(bytes / #some * about['length']) end
  redis.pcall('HSET', room, 'last', last, 'floor', floor, 'bytes', whole(bytes), 'first', first)
  local ttl = redis.call('PTTL', stream)
  if ttl > 0 then redis.pcall('PEXPIRE', room, ttl) end
  return {last, whole(bytes), first, floor}
end
local function find(name, room, stream, index)
  local known = redis.call('HMGET', room, 'last', 'bytes', 'first', 'floor')
  if known[1] then return known end
  if redis.call('EXISTS', stream) == 1 then return restore(room, stream) end
  if known[4] then return known end
  local seq = tonumber(redis.call('HGET', log, 'seq') or 0)
  if not redis.call('ZSCORE', index, '') then
    forget(seq)
    redis.pcall('ZADD', index, 'inf', '')
    return {false, false, false, whole(seq)}
  end
  local ends = tonumber(redis.call('ZSCORE', index, name) or 0)
  if ends <= now then return {false, false, false, whole(forgotten())} end
  redis.pcall('HSET', room, 'floor', whole(seq))
  redis.pcall('PEXPIRE', room, whole(ends - now))
  return {false, false, false, whole(seq)}
end
`;

/**
 * Removes messages that exceed a room's retention. KEYS[2..5]: the room's hash (last, floor, bytes, first: time of the
 * oldest message), its stream, the rooms with stored messages, the index of all known rooms by their expiry.
 * ARGV[3..5]: count, age in ms, bytes.
 */
export const TRIM = `
local room, stream, rooms, index = KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local count, age, most = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local function trim(name, bytes, first)
  local kept = redis.call('XLEN', stream)
  local floor
  while kept > 0 and (kept > count or bytes > most or first <= now - age) do
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 16)
    for i = 1, #oldest do
      local seq, _, time, size = string.match(oldest[i][2][2], '^(%d+) (%d+) (%d+) (%d+)')
      first = tonumber(time)
      if kept <= count and bytes <= most and first > now - age then break end
      floor, kept, bytes = seq, kept - 1, bytes - tonumber(size) - 256
    end
    if floor then redis.call('XTRIM', stream, 'MINID', whole(tonumber(floor) + 1)) end
  end
  -- Write only if something has changed, so that a Redis without free memory can still be read.
  if floor then redis.call('HSET', room, 'floor', floor, 'bytes', whole(bytes), 'first', whole(first)) end
  if floor and kept == 0 then redis.call('ZREM', rooms, name) end
  return kept
end
`;
