// Server-side scripts for nodes: entering the log, and sharing leases and session counts.
import { script } from "./script.ts";
import { FORGOTTEN, NOW } from "./script-parts.ts";

/**
 * Enters the log, or creates it. If the server is not the previous one (after a restart or a failover), it may have
 * lost the newest messages. The seq then jumps so that no number is used twice. `before` records the seq before the
 * jump.
 *
 * If a node has seen a message that is now missing, the loss is proven and the log starts a new epoch. Therefore no
 * node continues before all nodes with a lease have entered (`awaited`: 1, or 0 for a node that has entered). A node
 * that does not enter within `settle` may have crashed, and it is unknown which messages that node had seen and
 * acknowledged. In that case, the stored messages remain, but no cursor from before the restart counts as complete.
 * `doubt` is the seq up to which cursors are affected.
 *
 * A node may also report an epoch that the log has no record of. That node has seen a log that was lost completely, so
 * the log starts a new epoch in this case too. (`past` has the previous epochs: a node from one of them was only
 * disconnected.)
 *
 * KEYS: the log; all nodes, ordered by the end of their leases; the awaited nodes; the room index for a new log. ARGV:
 * an epoch for a new log; the period; the server's run id; the epoch and seq that the node has seen; the size of a
 * jump; the node's name; `settle` in ms, or 0 if the server never loses acknowledged messages; the nodes known to this
 * node. Returns epoch, seq, doubt, and 1 if the node must wait for others.
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
  -- Record the mark before the jump, because no message has the skipped numbers.
  forgotten()
  -- Keeps up to about a hundred jumps, because a node may miss several.
  befores = string.match(string.sub(befores .. ' ' .. whole(seq), -1024), ' .*')
  seq = seq + jump
  redis.call('DEL', awaited)
  settle = ARGV[8] == '0' and 0 or now + tonumber(ARGV[8])
  if settle > 0 then
    for _, other in ipairs(redis.call('ZRANGE', nodes, 0, -1)) do redis.call('HSET', awaited, other, '1') end
  end
  redis.call('HSET', log, 'seq', whole(seq), 'run', ARGV[3], 'before', befores, 'settle', whole(settle))
end
-- True if a node has seen a message that this server does not have. Other messages may be lost too.
local leapt = false
for before in string.gmatch(befores, '%d+') do
  if seen > tonumber(before) and seen <= tonumber(before) + jump then leapt = true end
end
local past = known[7] or ''
local known_epoch = ARGV[4] == '-' or ARGV[4] == epoch or string.find(past, ' ' .. ARGV[4] .. ' ', 1, true)
local lost = epoch and (not known_epoch or ARGV[4] == epoch and (seen > seq or leapt))
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
 * Renews a node's lease and writes its session counts. KEYS: all nodes, ordered by the end of their leases; this node's
 * counts. ARGV: its name; the lease in ms; 1 to clear the counts first; the channel that announces new nodes; rooms and
 * changed counts. Returns all nodes. A node stays listed for a short time after its lease ends, because Redis may lose
 * the messages that the node last saw (see ENTER).
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
-- A lease is renewed every third of its length, so a node that dies has at least two thirds left. Nodes must stay
-- listed for twice the two seconds of writes that Redis can lose.
local over = math.max(0, 4000 - tonumber(ARGV[2]) * 2 / 3)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - over))
if new == 1 then redis.call('PUBLISH', ARGV[4], ARGV[1]) end
return redis.call('ZRANGE', KEYS[1], 0, -1)
`);

/**
 * Returns the rooms and session counts of all other nodes. KEYS[1]: the nodes. ARGV: this node; the prefix of the count
 * keys.
 */
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
