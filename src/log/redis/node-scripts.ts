// The server-side scripts of nodes: how one enters the log, and how each knows of the others.
import { script } from "./script.ts";
import { FORGOTTEN, NOW } from "./script-parts.ts";

/**
 * Enters the log, or begins it. A server that is another one than before (restarted, or a replica that took over) may
 * have lost its newest: seqs jump, so that none is used twice, and `before` has from where they did.
 *
 * Who has seen what was lost proves it, and the log begins anew. So nobody goes on before all nodes that were there have
 * come (`awaited`: 1, and 0 once it has come). One that does not come within `settle` may have died with what it saw, and
 * acknowledged: nobody can tell whether anything was lost. Then what is kept stays, but no cursor from before is
 * complete: `doubt` has up to where that is so.
 *
 * A node that comes from an epoch which this log has never heard of has seen one that was lost as a whole: then, too, it
 * begins anew, because nobody remembers what the lost one was begun for. (`past` has the epochs before this one: who
 * comes from one of those was only away.)
 *
 * KEYS: the log; all nodes, by when their leases end; those that are awaited; the index of rooms of a new log. ARGV: an epoch for a new log; the period;
 * the server's run; the epoch and seq that the caller has seen; how far to jump; the caller's name; `settle` in ms, or 0
 * where the server loses nothing that it acknowledged; then the nodes that the caller knows of.
 * Returns epoch, seq, doubt, and 1 where others are to be waited for.
 */
export const ENTER = script(
  NOW,
  FORGOTTEN,
  `
local nodes, awaited, node = KEYS[2], KEYS[3], ARGV[7]
local known = redis.call('HMGET', log, 'epoch', 'seq', 'run', 'before', 'settle', 'doubt', 'past')
local epoch, seq, befores = known[1], tonumber(known[2] or 0), known[4] or ''
local seen, jump, settle = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(known[5] or 0)
if epoch and known[3] ~= ARGV[3] then
  -- Before the jump: nobody published what it leaps over.
  forgotten()
  -- The last hundred or so: somebody may have been away for more than one of them.
  befores = string.match(string.sub(befores .. ' ' .. whole(seq), -1024), ' .*')
  seq = seq + jump
  redis.call('DEL', awaited)
  settle = ARGV[8] == '0' and 0 or now + tonumber(ARGV[8])
  if settle > 0 then
    for _, other in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do redis.call('HSET', awaited, other, '1') end
  end
  redis.call('HSET', log, 'seq', whole(seq), 'run', ARGV[3], 'before', befores, 'settle', whole(settle))
end
-- Somebody has seen what this server does not have: what else was lost, nobody knows.
local leapt = false
for before in string.gmatch(befores, '%d+') do
  if seen > tonumber(before) and seen <= tonumber(before) + jump then leapt = true end
end
local past = known[7] or ''
local heard = ARGV[4] == '-' or ARGV[4] == epoch or string.find(past, ' ' .. ARGV[4] .. ' ', 1, true)
local lost = epoch and (not heard or ARGV[4] == epoch and (seen > seq or leapt))
if not epoch or lost then
  past = string.sub(past, -1024) .. ' ' .. (epoch or '') .. ' ' .. ARGV[4] .. ' '
  redis.call('DEL', log, awaited)
  epoch, seq = ARGV[1], 0
  redis.call('HSET', log, 'epoch', epoch, 'seq', '0', 'run', ARGV[3], 'past', past)
  redis.call('ZADD', KEYS[4], 'inf', '')
  forgotten()
  return {epoch, seq, 0, 0}
end
if settle > 0 then
  redis.call('HSET', awaited, node, '0')
  for i = 9, #ARGV do redis.call('HSETNX', awaited, ARGV[i], '1') end
  local missing, all = {}, redis.call('HGETALL', awaited)
  for i = 1, #all, 2 do
    if all[i + 1] == '1' then missing[#missing + 1] = all[i] end
  end
  if #missing > 0 and now < settle then return {epoch, seq, 0, 1} end
  if #missing > 0 then
    redis.call('ZREM', nodes, unpack(missing))
    redis.call('HSET', log, 'doubt', whole(seq))
    known[6] = whole(seq)
  end
  redis.call('HDEL', log, 'settle')
  redis.call('DEL', awaited)
end
return {epoch, seq, tonumber(known[6] or 0), 0}
`,
);

/**
 * A node says that it is there, and how many sessions are in its rooms. KEYS: all nodes, by when their leases end; this
 * one's rooms. ARGV: its name; how long the lease is, in ms; whether it begins anew; where nodes that are new are told
 * of; then rooms and counts that changed. Returns all nodes: those that are gone stay for a moment, because Redis may
 * lose what they last saw (see ENTER).
 */
export const LEASE = script(`
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
if ARGV[3] == '1' then redis.call('DEL', KEYS[2]) end
for i = 5, #ARGV, 2 do
  if ARGV[i + 1] == '0' then redis.call('HDEL', KEYS[2], ARGV[i]) else redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1]) end
end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local new = redis.call('ZADD', KEYS[1], string.format('%.0f', now + tonumber(ARGV[2])), ARGV[1])
-- A lease is renewed three times: who dies just before the next time is there for two thirds of it, and is to be known
-- for twice the two seconds that may be lost.
local over = math.max(0, 4000 - tonumber(ARGV[2]) * 2 / 3)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - over))
if new == 1 then redis.call('PUBLISH', ARGV[4], ARGV[1]) end
return redis.call('ZRANGE', KEYS[1], 0, -1)
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
