#!lua flags=allow-oom
-- end a job that can never succeed, and keep a line of it for the engineer
--
-- KEYS[1]  queue of the partition
-- KEYS[2]  the job
-- KEYS[3]  list of refused jobs of the partition, newest first
-- KEYS[4]  what became of the subject's mails, for one that is to be told of
-- ARGV[1]  id       of the job in the queue
-- ARGV[2]  version  that was tried
-- ARGV[3]  why      for the engineer
-- ARGV[4]  keep     lines kept
-- ARGV[5]  life     of the list in ms after its newest line
--
-- Returns {word}
--   {"refused"}  removed, and noted
--   {"stale"}    gone already, or a newer version waits; it stands
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local job = redis.call('HMGET', KEYS[2], 'version', 'masked', 'tell_until')
if job[1] ~= ARGV[2] then return {'stale'} end
redis.call('LPUSH', KEYS[3], string.format('%d %s %s %s', now, ARGV[1], job[2] or '-', ARGV[3]))
redis.call('LTRIM', KEYS[3], '0', string.format('%d', tonumber(ARGV[4]) - 1))
redis.call('PEXPIRE', KEYS[3], ARGV[5])
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[1], ARGV[1])
if job[3] then
  redis.call('HSET', KEYS[4], string.match(ARGV[1], '^%a+'), string.format('refused %d %s', now, ARGV[3]))
  redis.call('PEXPIREAT', KEYS[4], job[3])
end
return {'refused'}
