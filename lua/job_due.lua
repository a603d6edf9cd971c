#!lua flags=no-writes
-- list the jobs of a queue that are due, and count those that wait, changing nothing
--
-- KEYS[1]  queue of the partition
-- ARGV[1]  max  ids to list
--
-- Returns {word, waiting, ms, id...}
--   {"due", waiting, ms, id...}  none to max of them, the longest due first, and since when that is
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local waiting = redis.call('ZCARD', KEYS[1])
if waiting == 0 then return {'due', 0, 0} end
local first = redis.call('ZRANGE', KEYS[1], '0', '0', 'WITHSCORES')
local overdue = math.max(now - tonumber(first[2]), 0)
local ids = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now), 'LIMIT', '0', ARGV[1])
return {'due', waiting, overdue, unpack(ids)}
