#!lua
-- pin the number of partitions into the data at the first start
--
-- A node that counts otherwise would look for every key in another place.
--
-- KEYS[1]  hash of what the fleet must agree on; has no TTL
-- ARGV[1]  partitions  that the asking node is configured for
--
-- Returns {word, n}
--   {"pinned", n}  the number that holds
redis.call('HSETNX', KEYS[1], 'partitions', ARGV[1])
return {'pinned', tonumber(redis.call('HGET', KEYS[1], 'partitions'))}
