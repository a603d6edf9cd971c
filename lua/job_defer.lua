#!lua
-- put off a job that could not be carried out, or drop one that would expire before it is due again
--
-- KEYS[1]  queue of the partition
-- KEYS[2]  the job
-- ARGV[1]  id       of the job in the queue
-- ARGV[2]  version  that was tried
-- ARGV[3]  tries    so far
-- ARGV[4]  delay    ms until it falls due again
-- ARGV[5]  why      for the engineer
--
-- Returns {word}
--   {"deferred"}  due again after the delay
--   {"expired"}   its time is over by then: it is dropped
--   {"stale"}     gone already, or a newer version waits; it stands
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('HGET', KEYS[2], 'version') ~= ARGV[2] then return {'stale'} end
if redis.call('PTTL', KEYS[2]) <= tonumber(ARGV[4]) then
  redis.call('DEL', KEYS[2])
  redis.call('ZREM', KEYS[1], ARGV[1])
  return {'expired'}
end
redis.call('HSET', KEYS[2], 'tries', ARGV[3], 'tried', string.format('%d', now), 'why', ARGV[5])
redis.call('ZADD', KEYS[1], string.format('%d', now + tonumber(ARGV[4])), ARGV[1])
return {'deferred'}
