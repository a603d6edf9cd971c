#!lua flags=allow-oom
-- end a job that was carried out, unless a newer version has taken its place
--
-- KEYS[1]  queue of the partition
-- KEYS[2]  the job
-- ARGV[1]  id       of the job in the queue
-- ARGV[2]  version  that was carried out
--
-- Returns {word}
--   {"done"}   removed
--   {"stale"}  gone already, or a newer version waits; it stands
if redis.call('HGET', KEYS[2], 'version') ~= ARGV[2] then return {'stale'} end
redis.call('DEL', KEYS[2])
redis.call('ZREM', KEYS[1], ARGV[1])
return {'done'}
