// Server-side scripts for presence. Each script is an atomic step in Redis.
//
// A source is a connection of a node. Redis stores:
// - `sources`: all sources, ordered by the end of their leases
// - `leaving`: the sources that have left rooms, ordered by the end of their grace period
// - `rooms:<source>`: the rooms in which a source reports users or guests
// - `here:<source>:<room>`: a source's reports, by user
// - `users:<room>`: the number of sources per user
// - `seen:<room>`: "guests sessions" per source; under ":v", the number of the newest change; under ":list", the
// maximum number of users to list
import { type Script, script } from "../script.ts";

// KEYS[1..3]: sources, leaving, the number of the newest change. ARGV[1]: the prefix of all keys.
const SHARED_LUA = `
local sources, leaving, counter, start = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
-- While a slot migrates to another server of a Cluster, access to a key that has moved is an error. Access to a key
-- that never exists causes this error before the script has changed anything, so no script stops halfway.
redis.call('EXISTS', start .. 'nothing')
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local function whole(number) return string.format('%.0f', number) end
local function is_live(source)
  local ends = redis.call('ZSCORE', sources, source)
  return ends and tonumber(ends) > now
end
-- Numbers a change and publishes it. Users are included while they are few enough to list.
local function publish_change(room, source, guests, sessions, list, reports, left)
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
    for i = 1, #left do left[i] = cjson.encode(left[i]) end
    names = ',[' .. table.concat(reports, ',') .. '],[' .. table.concat(left, ',') .. ']'
  end
  redis.call('PUBLISH', start .. 'who:' .. room, '[' .. whole(v) .. ',' .. prev .. ',' .. cjson.encode(source) .. ','
    .. whole(size) .. ',' .. guests .. ',' .. sessions .. names .. ']')
end
local function remove_user(room, source, user)
  if redis.call('HDEL', start .. 'here:' .. source .. ':' .. room, user) == 0 then return false end
  local users = start .. 'users:' .. room
  if redis.call('HINCRBY', users, user, -1) <= 0 then redis.call('HDEL', users, user) end
  return true
end
`;

/**
 * Starts a source, or renews its lease. ARGV[2..4]: source; lease in ms; 1 to start. Returns the number of the newest
 * change. Fails with GONE if the lease has ended, because other nodes may already have been notified that the source is
 * gone.
 */
export const PRESENT_ROOMS = script(
  SHARED_LUA,
  `
if ARGV[4] ~= '1' and not is_live(ARGV[2]) then return redis.error_reply('GONE the lease has ended') end
redis.call('ZADD', sources, whole(now + tonumber(ARGV[3])), ARGV[2])
return tonumber(redis.call('GET', counter) or 0)
`,
);

/**
 * Reports a source's changes in a room. ARGV[2..7]: source, room, maximum number of users to list, guests, user
 * sessions, and the source that it replaces, or ''. Then pairs of a user and a report: JSON, or '' for a user who left.
 */
export const REPORT = script(
  SHARED_LUA,
  `
local source, room, list, guests, sessions, before = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[6], ARGV[7]
if not is_live(source) then return redis.error_reply('GONE the lease has ended') end
local here, users, seen = start .. 'here:' .. source .. ':' .. room, start .. 'users:' .. room, start .. 'seen:' .. room
local reports, left = {}, {}
for i = 8, #ARGV, 2 do
  local user, text = ARGV[i], ARGV[i + 1]
  if text == '' then
    if remove_user(room, source, user) then left[#left + 1] = user end
  elseif redis.call('HGET', here, user) ~= text then
    if redis.call('HSET', here, user, text) == 1 then redis.call('HINCRBY', users, user, 1) end
    reports[#reports + 1] = text
  end
end
-- Guests have no names, so they would be counted twice.
local old = before ~= '' and redis.call('HGET', seen, before)
if old then redis.call('HSET', seen, before, '0 ' .. string.match(old, ' (%d+)')) end
local counts = guests .. ' ' .. sessions
if #reports == 0 and #left == 0 and (redis.call('HGET', seen, source) or '0 0') == counts then return 0 end
publish_change(room, source, guests, sessions, list, reports, left)
return 1
`,
);

/**
 * Starts the grace period of a source. ARGV[2]: the source; then pairs of a room and the time in ms for which the
 * source's users stay present there.
 */
export const START_GRACE = script(
  SHARED_LUA,
  `
for i = 3, #ARGV, 2 do
  redis.call('SREM', start .. 'rooms:' .. ARGV[2], ARGV[i])
  redis.call('ZADD', leaving, whole(now + tonumber(ARGV[i + 1])), ARGV[2] .. ' ' .. ARGV[i])
end
`,
);

/** Ends the lease of a source. ARGV[2]: the source. */
export const END_NODE = script(SHARED_LUA, `redis.call('ZADD', sources, 'XX', 1, ARGV[2])`);

/**
 * Removes expired sources and grace periods, a few at a time. ARGV[2]: approximate number of users per step. Returns a
 * positive number if more remain.
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
  local left = {}
  for i = 1, #found, 2 do
    remove_user(room, source, found[i])
    left[#left + 1] = found[i]
  end
  publish_change(room, source, '0', '0', tonumber(redis.call('HGET', seen, ':list') or 0), {}, left)
  if redis.call('EXISTS', here) == 0 then redis.call('ZREM', leaving, pair) end
  budget = budget - #left - 1
  if budget <= 0 then return 1 end
end
return redis.call('ZCOUNT', leaving, '-inf', whole(now)) + redis.call('ZCOUNT', sources, '-inf', whole(now))
`,
);

/**
 * Reads the presence of a room. ARGV[2..4]: room, maximum number of users to list, and approximate maximum size in
 * bytes. Returns the number of the newest change, the number of users, and the sources with their guests and sessions.
 * If there are few enough users, also returns each source's reports in the same order.
 */
export const READ_PRESENCE = script(
  SHARED_LUA,
  `
local room, list, most = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local users = redis.call('HLEN', start .. 'users:' .. room)
local fields = redis.call('HGETALL', start .. 'seen:' .. room)
local v, counts, by_source, bytes, listed = '0', {}, {}, 0, users <= list
for i = 1, #fields, 2 do
  if fields[i] == ':v' then v = fields[i + 1]
  elseif string.sub(fields[i], 1, 1) ~= ':' then
    counts[#counts + 1] = fields[i]
    counts[#counts + 1] = fields[i + 1]
    if listed then
      local reports = redis.call('HVALS', start .. 'here:' .. fields[i] .. ':' .. room)
      for j = 1, #reports do bytes = bytes + #reports[j] end
      by_source[#by_source + 1] = reports
      listed = bytes <= most
    end
  end
end
return {tonumber(v), users, counts, listed and by_source or false}
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
