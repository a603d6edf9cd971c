#!lua flags=allow-oom
-- end a job that was carried out, unless a newer version has taken its place
--
-- KEYS[1]  queue of the partition
-- KEYS[2]  the job
-- KEYS[3]  what became of the subject's mails, for one that is to be told of
-- ARGV[1]  id       of the job in the queue
-- ARGV[2]  version  that was carried out
--
-- Returns {word, ...}
--   {"done", ms}  removed, so long after it was queued
--   {"stale"}     gone already, or a newer version waits; it stands
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local job = redis.call('HMGET', KEYS[2], 'version', 'tell_until', 'since')
if job[1] ~= ARGV[2] then return {'stale'} end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[1], ARGV[1])
if job[2] then
  local told = string.format('accepted %d', now)
  redis.call('HSET', KEYS[3], string.match(ARGV[1], '^%a+'), told)
  redis.call('PEXPIREAT', KEYS[3], job[2])
end
return {'done', math.max(now - tonumber(job[3] or now), 0)}
