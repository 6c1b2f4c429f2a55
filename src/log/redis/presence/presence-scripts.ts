// The server-side scripts of presence: each is one atomic step in Redis.
//
// A source is a node's connection. `sources` has them by when their leases end; `rooms:<source>` names the rooms where
// it sees anybody; `here:<source>:<room>` is whom, in its words; `users:<room>` counts by how many sources each user is
// seen; `seen:<room>` has, of each source, "guests sessions", and under ":v" the number of the newest change, under
// ":list" how many users may be named. `leaving` has the sources that left rooms, by when it counts.
import { type Script, script } from "../script.ts";

// KEYS[1..3]: sources, leaving, the number of the newest change. ARGV[1]: what the names of all keys begin with.
const SHARED_LUA = `
local sources, leaving, counter, start = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
-- While a slot is on its way to another server of a Cluster, to ask for a key that is not here is an error. One that is
-- nowhere makes it come before anything was done: no script stops halfway.
redis.call('EXISTS', start .. 'nothing')
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local function isThere(source)
  local ends = redis.call('ZSCORE', sources, source)
  return ends and tonumber(ends) > now
end
-- What changed is numbered, and told: to everybody by name, as long as they are few enough.
local function tell(room, source, guests, sessions, list, said, gone)
  local seen, users = start .. 'seen:' .. room, start .. 'users:' .. room
  local v = redis.call('INCR', counter)
  local prev = redis.call('HGET', seen, ':v') or '0'
  local size = redis.call('HLEN', users)
  local here = start .. 'here:' .. source .. ':' .. room
  if redis.call('EXISTS', here) == 0 and guests == '0' then
    redis.call('HDEL', seen, source)
    redis.call('SREM', start .. 'rooms:' .. source, room)
  else
    redis.call('HSET', seen, source, guests .. ' ' .. sessions)
    redis.call('SADD', start .. 'rooms:' .. source, room)
  end
  redis.call('HSET', seen, ':v', whole(v), ':list', whole(list))
  if redis.call('HLEN', seen) == 2 then redis.call('DEL', seen) end
  local names = ''
  if size <= list then
    for i = 1, #gone do gone[i] = cjson.encode(gone[i]) end
    names = ',[' .. table.concat(said, ',') .. '],[' .. table.concat(gone, ',') .. ']'
  end
  redis.call('PUBLISH', start .. 'who:' .. room, '[' .. whole(v) .. ',' .. prev .. ',' .. cjson.encode(source) .. ','
    .. whole(size) .. ',' .. guests .. ',' .. sessions .. names .. ']')
end
local function forget(room, source, user)
  if redis.call('HDEL', start .. 'here:' .. source .. ':' .. room, user) == 0 then return false end
  local users = start .. 'users:' .. room
  if redis.call('HINCRBY', users, user, -1) <= 0 then redis.call('HDEL', users, user) end
  return true
end
`;

/**
 * A source begins, or renews its lease. ARGV[2..4]: source; lease in ms; 1 to begin. Returns the number of the newest
 * change. Fails with GONE where its lease has ended: the others may have been told that it is gone.
 */
export const PRESENT_ROOMS = script(
  SHARED_LUA,
  `
if ARGV[4] ~= '1' and not isThere(ARGV[2]) then return redis.error_reply('GONE the lease has ended') end
redis.call('ZADD', sources, whole(now + tonumber(ARGV[3])), ARGV[2])
return tonumber(redis.call('GET', counter) or 0)
`,
);

/**
 * A source says what has changed in a room. ARGV[2..7]: source, room, how many may be named, guests, sessions of users,
 * and the source that it takes the place of, or ''. Then users, and what is said of each: JSON, or '' when they left.
 */
export const REPORT = script(
  SHARED_LUA,
  `
local source, room, list, guests, sessions, before = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
if not isThere(source) then return redis.error_reply('GONE the lease has ended') end
local here, users, seen = start .. 'here:' .. source .. ':' .. room, start .. 'users:' .. room, start .. 'seen:' .. room
local said, gone = {}, {}
for i = 8, #ARGV, 2 do
  local user, text = ARGV[i], ARGV[i + 1]
  if text == '' then
    if forget(room, source, user) then gone[#gone + 1] = user end
  elseif redis.call('HGET', here, user) ~= text then
    if redis.call('HSET', here, user, text) == 1 then redis.call('HINCRBY', users, user, 1) end
    said[#said + 1] = text
  end
end
-- Guests have no names: they would be counted twice.
local old = before ~= '' and redis.call('HGET', seen, before)
if old then redis.call('HSET', seen, before, '0 ' .. string.match(old, ' (%d+)')) end
local counts = guests .. ' ' .. sessions
if #said == 0 and #gone == 0 and (redis.call('HGET', seen, source) or '0 0') == counts then return 0 end
tell(room, source, guests, sessions, list, said, gone)
return 1
`,
);

/** A source is going. ARGV[2]: it; then rooms, and for how many ms more those whom it saw there count as present. */
export const START_GRACE = script(
  SHARED_LUA,
  `
for i = 3, #ARGV, 2 do
  redis.call('SREM', start .. 'rooms:' .. ARGV[2], ARGV[i])
  redis.call('ZADD', leaving, whole(now + tonumber(ARGV[i + 1])), ARGV[2] .. ' ' .. ARGV[i])
end
`,
);

/** A source is gone: its lease ends now. ARGV[2]: it. */
export const END_NODE = script(SHARED_LUA, `redis.call('ZADD', sources, 'XX', 1, ARGV[2])`);

/**
 * Sees to those whose time is over, a few at a time. ARGV[2]: about how many users in one step. Returns whether there
 * is more to do.
 */
export const EXPIRE = script(
  SHARED_LUA,
  `
local budget = tonumber(ARGV[2])
for _, source in ipairs(redis.call('ZRANGEBYSCORE', sources, '-inf', whole(now), 'LIMIT', 0, 10)) do
  local rooms = redis.call('SPOP', start .. 'rooms:' .. source, budget)
  for _, room in ipairs(rooms) do redis.call('ZADD', leaving, whole(now), source .. ' ' .. room) end
  if #rooms == 0 then redis.call('ZREM', sources, source) end
  budget = budget - #rooms
  if budget <= 0 then return 1 end
end
for _, pair in ipairs(redis.call('ZRANGEBYSCORE', leaving, '-inf', whole(now), 'LIMIT', 0, 100)) do
  local source, room = string.match(pair, '^(%S+) (.*)$')
  local here, seen = start .. 'here:' .. source .. ':' .. room, start .. 'seen:' .. room
  local found = redis.call('HSCAN', here, 0, 'COUNT', math.max(10, budget))[2]
  local gone = {}
  for i = 1, #found, 2 do
    forget(room, source, found[i])
    gone[#gone + 1] = found[i]
  end
  tell(room, source, '0', '0', tonumber(redis.call('HGET', seen, ':list') or 0), {}, gone)
  if redis.call('EXISTS', here) == 0 then redis.call('ZREM', leaving, pair) end
  budget = budget - #gone - 1
  if budget <= 0 then return 1 end
end
return redis.call('ZCOUNT', leaving, '-inf', whole(now)) + redis.call('ZCOUNT', sources, '-inf', whole(now))
`,
);

/**
 * Who is in a room. ARGV[2..4]: room, how many may be named, and about how many bytes of that. Returns the number of
 * its newest change, how many users there are, sources with their guests and sessions, and, where they are few enough,
 * what each source says, in the same order.
 */
export const READ_PRESENCE = script(
  SHARED_LUA,
  `
local room, list, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local users = redis.call('HLEN', start .. 'users:' .. room)
local fields = redis.call('HGETALL', start .. 'seen:' .. room)
local v, counts, words, bytes, named = '0', {}, {}, 0, users <= list
for i = 1, #fields, 2 do
  if fields[i] == ':v' then v = fields[i + 1]
  elseif string.sub(fields[i], 1, 1) ~= ':' then
    counts[#counts + 1] = fields[i]
    counts[#counts + 1] = fields[i + 1]
    if named then
      local said = redis.call('HVALS', start .. 'here:' .. fields[i] .. ':' .. room)
      for j = 1, #said do bytes = bytes + #said[j] end
      words[#words + 1] = said
      named = bytes <= most
    end
  end
end
return {tonumber(v), users, counts, named and words or false}
`,
);

export const PRESENCE_SCRIPTS: Script[] = [
  PRESENT_ROOMS,
  REPORT,
  START_GRACE,
  END_NODE,
  EXPIRE,
  READ_PRESENCE,
];
