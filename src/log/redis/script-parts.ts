// What the scripts about rooms share: each part is Lua that the scripts in scripts.ts are put together from.

// KEYS[1] is the log's own hash: epoch, seq, run (which life of the server), and two marks in time.
export const NOW = `
local log = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
`;

export const EPOCH = `
${NOW}
if redis.call('HGET', log, 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH the log began anew') end
`;

/**
 * What is known of a room outlives its last publication by three periods. A room of which nothing is known may be one
 * that was forgotten since: it is complete from the seq that was the newest at least one, at most three periods ago.
 * Marks are made by who enters the log and by every sweep, so one is at hand whenever it is asked for. ARGV[2]: the
 * period in ms.
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
-- From now on, no room of which nothing is known is complete from before this seq.
local function forget(seq)
  redis.pcall('HSET', log, 'old', whole(seq), 'mark', whole(seq), 'marked', whole(now))
end
`;

/**
 * Finds what is known of a room, although Redis may have evicted or expired any key, or a person may have deleted it.
 * Every answer is true at the moment of the call, because eviction never happens inside a script:
 * - Its hash is there: it is the truth. If the stream is gone, everything up to `last` is gone (READ and APPEND see it).
 * - Only its stream is there: it holds the newest seq (its last id, also when it is empty), and each entry names the
 *   one before it. The hash is restored from that, and nothing is lost.
 * - Neither is there: the index tells a room that was lost from one that was never used, or has expired. It has every
 *   room until its hash expires, and, as a single key without an expiry, it is not evicted by `volatile-*`. If `allkeys-*`
 *   evicts it, its guard (the empty name) is gone with it: then any room may be lost, and the marks rise to the newest
 *   seq. Rooms that were published to earlier and are lost later are below the marks, later ones are in the new index.
 * - The log's own hash is gone: the epoch is, too, and the log starts a new one.
 * Where a room was lost, `floor` alone is written, so that the answer stays the same until its next publication.
 * Returns last, bytes, first, floor. Without `last`, nothing is known but that it is complete from `floor` on.
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
      -- Nothing was known of its room: it says itself from where the room is complete.
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
 * Lets go of what is over a room's bounds. KEYS[2..5]: the room's hash (last, floor, bytes, first: when the oldest
 * was published), its stream, the rooms of which something is kept, the index of all rooms of which something is known,
 * by when that expires. ARGV[3..5]: count, age in ms, bytes.
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
  -- Nothing is written where nothing has changed: what is full can still be read.
  if floor then redis.call('HSET', room, 'floor', floor, 'bytes', whole(bytes), 'first', whole(first)) end
  if floor and kept == 0 then redis.call('ZREM', rooms, name) end
  return kept
end
`;
