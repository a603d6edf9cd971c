#!lua flags=allow-oom
-- end one session of a user, and drop what is left of it
--
-- KEYS[1]  hash of the session
-- KEYS[2]  hash of the account
-- ARGV[1]  session  id
-- ARGV[2]  user     id
-- ARGV[3]  nonce    of this decision
--
-- Returns {word}
--   {"ended"}  it lived until now
--   {"gone"}   it did not live, or is somebody else's
local session = redis.call('HMGET', KEYS[1], 'user', 'ended')
-- The sessions of a partition share their names' beginning: the user tells whose it is.
if session[1] ~= ARGV[2] then return {'gone'} end
-- The reply to this very decision was lost: give it again.
if session[2] then return {session[2] == ARGV[3] and 'ended' or 'gone'} end
redis.call('DEL', KEYS[1])
if redis.call('HDEL', KEYS[2], ARGV[1]) == 0 then return {'gone'} end
redis.call('HSET', KEYS[1], 'user', ARGV[2], 'ended', ARGV[3])
redis.call('PEXPIRE', KEYS[1], '10000')
return {'ended'}
