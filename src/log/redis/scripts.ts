// The server-side scripts: each is one atomic step in Redis. Every one about rooms checks the epoch first.
import { PRESENCE_SCRIPTS } from "./presence/presence-scripts.ts";
import { COUNTS, ENTER, LEASE } from "./node-scripts.ts";
import { type Script, script } from "./script.ts";
import { EPOCH, FIND, FORGOTTEN, TRIM } from "./script-parts.ts";

export type { Script };

/** What `APPEND` answers for a key that was used with something else. */
export const REUSED = 2;

/**
 * Numbers a publication, keeps it and tells those who follow its room.
 * KEYS[6]: the idempotency key, where there is one. ARGV[6]: how long it is remembered, in ms; ARGV[7]: the room's
 * channel; ARGV[8]: its name; ARGV[9]: the size of the data; ARGV[10]: everything else, as codec.ts writes it;
 * ARGV[11]: the hash of what is published, where there is a key. Keys of older versions have none, and match anything.
 * Returns seq, prev, time, and 1 for a new publication, 0 for a repeated one, `REUSED` where the key has another hash.
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
 * Reads a room, trimmed first. ARGV[6]: its name; ARGV[7]: after this seq, or '-' for the newest; ARGV[8]: at most so
 * many; ARGV[9]: about so many bytes. Returns the log's seq, the room's last and floor, whether the end was reached,
 * and the publications, oldest first.
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
-- Nothing is there, also where the server itself threw it out: then all of it is gone.
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

/** The log's seq, and the newest of each room: KEYS[2..] are their hashes. 0 where nothing is known of it. */
export const NEWEST = script(
  EPOCH,
  `
local answer = {tonumber(redis.call('HGET', log, 'seq') or 0)}
for i = 2, #KEYS do answer[i] = tonumber(redis.call('HGET', KEYS[i], 'last') or 0) end
return answer
`,
);

/**
 * Of rooms of which nothing was known: the newest of each, or the negative seq from which it is complete. KEYS[2]: the
 * index; then each room's hash and stream. ARGV[2]: the period; then the rooms' names.
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

/** Forgets what is kept of a room, everywhere. ARGV[2]: its name; ARGV[3]: its channel. Keys as for reading. */
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

/** The rooms of which something is kept. KEYS[2]: where they are listed, by when the newest of each is too old. */
export const ROOMS = script(
  EPOCH,
  `
return redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. whole(now), '+inf')
`,
);

/**
 * Frees rooms in which everything is too old, a few at a time, and the index of rooms that have expired.
 * KEYS[2]: where rooms are listed; KEYS[3]: the index. ARGV[3]: how many;
 * ARGV[4], ARGV[5]: what the keys of rooms and of their streams begin with. Returns how many there were.
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
