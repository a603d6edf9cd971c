#!lua flags=allow-oom
-- take a due job for a while: if its taker dies, it falls due again
--
-- KEYS[1]  queue of the partition
-- KEYS[2]  the job
-- KEYS[3]  hash of the subject's link, which says to whom a code goes
-- ARGV[1]  id     of the job in the queue
-- ARGV[2]  lease  ms after which it falls due again
-- ARGV[3]  nonce  of this decision
--
-- Returns {word, ...}
--   {"gone"}   done, expired, superseded or killed; now out of the queue
--   {"later"}  not due: taken by another, or put off
--   {"taken", age, left, field, value, ...}  yours, so many ms after it was queued and before it expires; its fields,
--                                           and those of the link that a letter needs
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local due = redis.call('ZSCORE', KEYS[1], ARGV[1])
local job = redis.call('HGETALL', KEYS[2])
if #job == 0 or not due then
  redis.call('ZREM', KEYS[1], ARGV[1])
  return {'gone'}
end
if tonumber(due) > now and redis.call('HGET', KEYS[2], 'claim') ~= ARGV[3] then return {'later'} end

redis.call('ZADD', KEYS[1], string.format('%d', now + tonumber(ARGV[2])), ARGV[1])
redis.call('HSET', KEYS[2], 'claim', ARGV[3])
-- When it was queued: what is put off falls due again later.
redis.call('HSETNX', KEYS[2], 'since', due)
local age = now - tonumber(redis.call('HGET', KEYS[2], 'since'))
local answer = {'taken', math.max(age, 0), math.max(redis.call('PTTL', KEYS[2]), 0)}
for at = 1, #job do answer[at + 3] = job[at] end
local link = redis.call('HMGET', KEYS[3], 'to', 'name', 'position')
local function tell(name, value)
  if not value then return end
  answer[#answer + 1] = name
  answer[#answer + 1] = value
end
tell('to', link[1])
tell('name', link[2])
tell('position', link[3])
return answer
