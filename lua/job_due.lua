#!lua flags=no-writes
-- list the jobs of a queue that are due, changing nothing
--
-- KEYS[1]  queue of the partition
-- ARGV[1]  max  ids to list
--
-- Returns {word, id...}
--   {"due", id...}  none to max of them, the longest due first
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now, 'LIMIT', '0', ARGV[1])
table.insert(ids, 1, 'due')
return ids
