#!lua flags=allow-oom
-- tell the living sessions of a user of a new role
--
-- KEYS[1]  hash of the account
-- ARGV[1]  role  of the user
-- ARGV[2]  rank  version of the role: the highest one told holds
--
-- Returns {word}
--   {"told"}   it holds from the next request on, or a newer one does
--   {"empty"}  no session lives
local account = redis.call('HMGET', KEYS[1], 'version', 'rank')
if not account[1] then return {'empty'} end
if tonumber(account[2] or 0) <= tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], 'role', ARGV[1], 'rank', ARGV[2])
end
return {'told'}
