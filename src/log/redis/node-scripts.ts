// The server-side scripts of nodes: how one enters the log, and how each knows of the others.
import { script } from "./script.ts";
import { FORGOTTEN, NOW } from "./script-parts.ts";

/**
 * Enters the log, or begins it. A server that is another one than before (restarted, or a replica that took over) may
 * have lost its newest: seqs jump, so that none is used twice, and `before` has from where they did.
 * ARGV: an epoch for a new log; the period; the server's run; the epoch and seq that the caller has seen; how far to
 * jump. KEYS[2]: the index of rooms of that new log. Returns epoch and seq.
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
  redis.call('ZADD', KEYS[2], 'inf', '')
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
