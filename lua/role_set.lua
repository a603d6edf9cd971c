#!lua flags=allow-oom
-- tell the sessions of a user of a new role, also one that is being opened with the old one
--
-- KEYS[1]  hash of the account
-- ARGV[1]  role   of the user
-- ARGV[2]  rank   version of the role: the highest one told holds
-- ARGV[3]  fence  ms that a log-in may be under way, in which the role must be remembered
--
-- Returns {word}
--   {"told"}   it holds from the next request on
--   {"older"}  a newer one holds
local rank = tonumber(redis.call('HGET', KEYS[1], 'rank') or 0)
if rank > tonumber(ARGV[2]) then return {'older'} end
redis.call('HSET', KEYS[1], 'role', ARGV[1], 'rank', ARGV[2])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
return {'told'}
