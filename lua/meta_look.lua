#!lua flags=no-writes
-- tell the number of partitions that is pinned into the data, changing nothing
--
-- KEYS[1]  hash of what the fleet must agree on
--
-- Returns {word, n}
--   {"pinned", n}    the number that holds
--   {"unpinned", 0}  no node has started on this data yet
local n = redis.call('HGET', KEYS[1], 'partitions')
if not n then return {'unpinned', 0} end
return {'pinned', tonumber(n)}
