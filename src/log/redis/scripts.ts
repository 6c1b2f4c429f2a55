// Server-side scripts. Each script is an atomic step in Redis. All room scripts check the epoch first.
import { PRESENCE_SCRIPTS } from "./presence/presence-scripts.ts";
import { COUNTS, ENTER, LEASE } from "./node-scripts.ts";
import { type Script, script } from "./script.ts";
import { EPOCH, FIND, FORGOTTEN, TRIM } from "./script-parts.ts";

export type { Script };

/** The result of `APPEND` for an idempotency key that was used with different content. */
export const REUSED = 2;

/**
 * Numbers and stores a publication, and notifies the room's subscribers. KEYS[6]: the idempotency key, if any. ARGV[6]:
 * its time to live, in ms; ARGV[7]: the room's channel; ARGV[8]: its name; ARGV[9]: the size of the data; ARGV[10]:
 * everything else, as encoded by codec.ts; ARGV[11]: the publication's hash, if it has a key. Keys from older versions
 * have no hash and match any publication. Returns seq, prev, time, and a result: 1 for a new publication, 0 for a
 * repeated one, `REUSED` if the key has a different hash.
 */
export const APPEND = script(
  EPOCH,
  FORGOTTEN,
  FIND,
  TRIM,
  `
if KEYS[6] then
  local first = redis.call('GET', KEYS[6])
  if first then
    local seq, prev, time, hash = string.match(first, '^(%d+) (%d+) (%d+) ?(.*)$')
    local repeated = hash == '' or hash == ARGV[11]
    return {tonumber(seq), tonumber(prev), tonumber(time), repeated and 0 or 2}
  end
end
local known = find(ARGV[8], room, stream, index)
local floor = not known[1] and tonumber(known[4]) or nil
local life = math.max(age, 3 * period)
local seq = redis.call('HINCRBY', log, 'seq', 1)
local prev = tonumber(known[1] or 0)
local position = whole(seq) .. ' ' .. whole(prev) .. ' ' .. whole(now)
local message = position .. ' ' .. ARGV[9] .. (floor and ' ' .. whole(floor) or '') .. '\\n' .. ARGV[10]
if floor then redis.call('HSET', room, 'floor', whole(floor)) end
redis.call('HSET', room, 'last', whole(seq))
if count > 0 then
  local bytes, first = tonumber(known[2] or 0) + tonumber(ARGV[9]) + 256, tonumber(known[3] or now)
  redis.call('XADD', stream, whole(seq), 'm', message)
  if redis.call('XLEN', stream) == 1 then
    bytes, first = tonumber(ARGV[9]) + 256, now
    if known[1] then redis.call('HSET', room, 'floor', known[1]) end
  end
  redis.call('ZADD', rooms, whole(now + age), ARGV[8])
  redis.call('PEXPIRE', stream, whole(life))
  redis.call('HSET', room, 'bytes', whole(bytes), 'first', whole(first))
  trim(ARGV[8], bytes, first)
else
  redis.call('HSET', room, 'floor', whole(seq))
end
redis.call('PEXPIRE', room, whole(life))
redis.call('ZADD', index, whole(now + life), ARGV[8])
if KEYS[6] then redis.call('SET', KEYS[6], position .. ' ' .. ARGV[11], 'PX', ARGV[6]) end
redis.call('PUBLISH', ARGV[7], message)
return {seq, prev, now, 1}
`,
);

/**
 * Trims and reads a room. ARGV[6]: its name; ARGV[7]: the position, or '-' for the newest; ARGV[8]: maximum number;
 * ARGV[9]: approximate maximum size in bytes. Returns the log's seq, the room's last and floor, 1 if the room's end was
 * reached, and the publications, oldest first.
 */
export const READ = script(
  EPOCH,
  FORGOTTEN,
  FIND,
  TRIM,
  `
local now_at = redis.call('HMGET', log, 'seq', 'doubt')
local seq, doubt = tonumber(now_at[1] or 0), tonumber(now_at[2] or 0)
local known = find(ARGV[6], room, stream, index)
if not known[1] then
  local floor = math.max(tonumber(known[4]), doubt)
  return {seq, floor, floor, 1, {}}
end
local kept = trim(ARGV[6], tonumber(known[2] or 0), tonumber(known[3] or now))
-- If nothing is left in the stream, all messages have been trimmed or evicted.
local floor = kept == 0 and tonumber(known[1]) or tonumber(redis.call('HGET', room, 'floor') or 0)
floor = math.max(floor, doubt)
local entries
if ARGV[7] == '-' then
  entries = redis.call('XREVRANGE', stream, '+', '-', 'COUNT', ARGV[8])
else
  entries = redis.call('XRANGE', stream, '(' .. ARGV[7], '+', 'COUNT', ARGV[8])
end
entries = entries or {}
local messages, bytes, ended = {}, 0, #entries < tonumber(ARGV[8]) and 1 or 0
for i = 1, #entries do
  local message = entries[i][2][2]
  bytes = bytes + #message
  if bytes > tonumber(ARGV[9]) and i > 1 then
    ended = 0
    break
  end
  messages[i] = message
end
if ARGV[7] == '-' then
  local reversed = {}
  for i = #messages, 1, -1 do reversed[#reversed + 1] = messages[i] end
  messages = reversed
end
return {seq, tonumber(known[1]), floor, ended, messages}
`,
);

/** Returns the log's seq, and the newest seq of each room: KEYS[2..] are their hashes. 0 if the room is unknown. */
export const NEWEST = script(
  EPOCH,
  `
local answer = {tonumber(redis.call('HGET', log, 'seq') or 0)}
for i = 2, #KEYS do answer[i] = tonumber(redis.call('HGET', KEYS[i], 'last') or 0) end
return answer
`,
);

/**
 * For each room that was unknown, returns its newest seq, or the negated seq from which the room is complete. KEYS[2]:
 * the index; then each room's hash and stream. ARGV[2]: the period; then the rooms' names.
 */
export const PROBE = script(
  EPOCH,
  FORGOTTEN,
  FIND,
  `
local answer = {}
for i = 3, #KEYS, 2 do
  local known = find(ARGV[#answer + 3], KEYS[i], KEYS[i + 1], KEYS[2])
  answer[#answer + 1] = known[1] and tonumber(known[1]) or -tonumber(known[4])
end
return answer
`,
);

/**
 * Deletes the stored messages of a room, on all nodes. ARGV[2]: its name; ARGV[3]: its channel. Keys as for `READ`.
 */
export const FORGET = script(
  EPOCH,
  `
local last = redis.call('HGET', KEYS[2], 'last')
if last then redis.call('HSET', KEYS[2], 'floor', last, 'bytes', '0') end
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[4], ARGV[2])
redis.call('PUBLISH', ARGV[3], '')
return tonumber(redis.call('HGET', log, 'seq') or 0)
`,
);

/**
 * Returns the rooms with stored messages. KEYS[2]: the sorted set of these rooms, ordered by the expiry of their newest
 * message.
 */
export const ROOMS = script(
  EPOCH,
  `
return redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. whole(now), '+inf')
`,
);

/**
 * Frees some rooms whose messages have all expired, and removes expired rooms from the index. KEYS[2]: the rooms with
 * stored messages; KEYS[3]: the index. ARGV[3]: maximum number; ARGV[4], ARGV[5]: the prefixes of room keys and stream
 * keys. Returns the number of freed rooms.
 */
export const SWEEP = script(
  EPOCH,
  FORGOTTEN,
  `
forgotten()
local names = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', whole(now), 'LIMIT', 0, ARGV[3])
for _, name in ipairs(names) do
  local room = ARGV[4] .. name
  local last = redis.call('HGET', room, 'last')
  if last then redis.call('HSET', room, 'floor', last, 'bytes', '0') end
  redis.call('DEL', ARGV[5] .. name)
  redis.call('ZREM', KEYS[2], name)
end
local expired = math.min(redis.call('ZCOUNT', KEYS[3], '-inf', whole(now)), 10 * tonumber(ARGV[3]))
if expired > 0 then redis.call('ZREMRANGEBYRANK', KEYS[3], 0, expired - 1) end
return #names
`,
);

const LOG_SCRIPTS = [APPEND, READ, NEWEST, PROBE, FORGET, ROOMS, SWEEP, ENTER, LEASE, COUNTS];
export const SCRIPTS: Script[] = [...LOG_SCRIPTS, ...PRESENCE_SCRIPTS];
