// The server-side scripts: each is one atomic step in Redis. Every one about rooms checks the epoch first.
import { CROWD_SCRIPTS } from "./crowd-scripts.ts";
import { type Script, script } from "./script.ts";

export type { Script };

// KEYS[1] is the log's own hash: epoch, seq, run (which life of the server), and two marks in time.
const NOW = `
local log = KEYS[1]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
`;

const EPOCH = `
${NOW}
if redis.call('HGET', log, 'epoch') ~= ARGV[1] then return redis.error_reply('EPOCH the log began anew') end
`;

/**
 * What is known of a room outlives its last publication by three periods. A room of which nothing is known may be one
 * that was forgotten since: it is complete from the seq that was the newest at least one, at most three periods ago.
 * Marks are made by who enters the log and by every sweep, so one is at hand whenever it is asked for. ARGV[2]: the
 * period in ms.
 */
const FORGOTTEN = `
local period = tonumber(ARGV[2])
local function forgotten()
  local marks = redis.call('HMGET', log, 'seq', 'old', 'mark', 'marked')
  local age = now - tonumber(marks[4] or 0)
  if age < period then return tonumber(marks[2] or 0) end
  local old = age < 2 * period and marks[3] or marks[1] or '0'
  redis.pcall('HSET', log, 'old', old, 'mark', marks[1] or '0', 'marked', whole(now))
  return tonumber(old)
end
`;

/**
 * Lets go of what is over a room's bounds. KEYS[2..4]: the room's hash (last, floor, bytes, first: when the oldest
 * was published), its stream, the rooms of which something is kept. ARGV[3..5]: count, age in ms, bytes.
 */
const TRIM = `
local room, stream, rooms = KEYS[2], KEYS[3], KEYS[4]
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

/** What `APPEND` answers for a key that was used with something else. */
export const REUSED = 2;

/**
 * Numbers a publication, keeps it and tells those who follow its room.
 * KEYS[5]: the idempotency key, where there is one. ARGV[6]: how long it is remembered, in ms; ARGV[7]: the room's
 * channel; ARGV[8]: its name; ARGV[9]: the size of the data; ARGV[10]: everything else, as codec.ts writes it;
 * ARGV[11]: the hash of what is published, where there is a key. Keys of older versions have none, and match anything.
 * Returns seq, prev, time, and 1 for a new publication, 0 for a repeated one, `REUSED` where the key has another hash.
 */
export const APPEND = script(
  EPOCH,
  FORGOTTEN,
  TRIM,
  `
if KEYS[5] then
  local first = redis.call('GET', KEYS[5])
  if first then
    local seq, prev, time, hash = string.match(first, '^(%d+) (%d+) (%d+) ?(.*)$')
    local repeated = hash == '' or hash == ARGV[11]
    return {tonumber(seq), tonumber(prev), tonumber(time), repeated and 0 or 2}
  end
end
local known = redis.call('HMGET', room, 'last', 'bytes', 'first')
local floor = not known[1] and forgotten() or nil
local life = whole(math.max(age, 3 * period))
local seq = redis.call('HINCRBY', log, 'seq', 1)
local prev = tonumber(known[1] or 0)
local position = whole(seq) .. ' ' .. whole(prev) .. ' ' .. whole(now)
local message = position .. ' ' .. ARGV[9] .. '\\n' .. ARGV[10]
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
  redis.call('PEXPIRE', stream, life)
  redis.call('HSET', room, 'bytes', whole(bytes), 'first', whole(first))
  trim(ARGV[8], bytes, first)
else
  redis.call('HSET', room, 'floor', whole(seq))
end
redis.call('PEXPIRE', room, life)
if KEYS[5] then redis.call('SET', KEYS[5], position .. ' ' .. ARGV[11], 'PX', ARGV[6]) end
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
  TRIM,
  `
local seq = tonumber(redis.call('HGET', log, 'seq') or 0)
local known = redis.call('HMGET', room, 'last', 'bytes', 'first')
if not known[1] then
  local floor = forgotten()
  return {seq, floor, floor, 1, {}}
end
local kept = trim(ARGV[6], tonumber(known[2] or 0), tonumber(known[3] or now))
-- Nothing is there, also where the server itself threw it out: then all of it is gone.
local floor = kept == 0 and tonumber(known[1]) or tonumber(redis.call('HGET', room, 'floor') or 0)
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

/** The log's seq, and the newest of each room: KEYS[2..] are their hashes. */
export const NEWEST = script(
  EPOCH,
  `
local answer = {tonumber(redis.call('HGET', log, 'seq') or 0)}
for i = 2, #KEYS do answer[i] = tonumber(redis.call('HGET', KEYS[i], 'last') or 0) end
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
 * Frees rooms in which everything is too old, a few at a time. KEYS[2]: where rooms are listed. ARGV[3]: how many;
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
return #names
`,
);

/**
 * Enters the log, or begins it. A server that is another one than before (restarted, or a replica that took over) may
 * have lost its newest: seqs jump, so that none is used twice, and `before` has from where they did.
 * ARGV: an epoch for a new log; the period; the server's run; the epoch and seq that the caller has seen; how far to
 * jump. Returns epoch and seq.
 */
export const ENTER = script(
  NOW,
  FORGOTTEN,
  `
local known = redis.call('HMGET', log, 'epoch', 'seq', 'run', 'before')
local epoch, seq, befores = known[1], tonumber(known[2] or 0), known[4] or ''
local seen, jump = tonumber(ARGV[5]), tonumber(ARGV[6])
if epoch and known[3] ~= ARGV[3] then
  -- Before the jump: nobody published what it leaps over.
  forgotten()
  -- The last hundred or so: somebody may have been away for more than one of them.
  befores = string.match(string.sub(befores .. ' ' .. whole(seq), -1024), ' .*')
  seq = seq + jump
  redis.call('HSET', log, 'seq', whole(seq), 'run', ARGV[3], 'before', befores)
end
-- Somebody has seen what this server does not have: what else was lost, nobody knows.
local leapt = false
for before in string.gmatch(befores, '%d+') do
  if seen > tonumber(before) and seen <= tonumber(before) + jump then leapt = true end
end
local lost = epoch and ARGV[4] == epoch and (seen > seq or leapt)
if not epoch or lost then
  redis.call('DEL', log)
  epoch, seq = ARGV[1], 0
  redis.call('HSET', log, 'epoch', epoch, 'seq', '0', 'run', ARGV[3])
  forgotten()
end
return {epoch, seq}
`,
);

/**
 * A node says that it is there, and how many sessions are in its rooms. KEYS: all nodes, by when their leases end; this
 * one's rooms. ARGV: its name; how long the lease is, in ms; whether it begins anew; then rooms and counts that changed.
 */
export const LEASE = script(`
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if ARGV[3] == '1' then redis.call('DEL', KEYS[2]) end
for i = 4, #ARGV, 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', KEYS[2], ARGV[i]) else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
`);

/** The rooms and counts of all other nodes. KEYS[1]: the nodes. ARGV: this one; what the keys of rooms begin with. */
export const COUNTS = script(`
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
local answer = {}
for _, node in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf')) do
  if node ~= ARGV[1] then
    local counts = redis.call('HGETALL', ARGV[2] .. node)
    for i = 1, #counts do answer[#answer + 1] = counts[i] end
  end
end
return answer
`);

const LOG_SCRIPTS = [APPEND, READ, NEWEST, FORGET, ROOMS, SWEEP, ENTER, LEASE, COUNTS];
export const SCRIPTS: Script[] = [...LOG_SCRIPTS, ...CROWD_SCRIPTS];
