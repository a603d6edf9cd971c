#!lua flags=allow-oom
-- end one session of a user, and drop what is left of it
--
-- KEYS[1]  hash of the session
-- KEYS[2]  hash of the account
-- ARGV[1]  session  id
-- ARGV[2]  user     id
--
-- Returns {word}
--   {"ended"}  it lived until now
--   {"gone"}   it did not live, or is somebody else's
local session = redis.call('HMGET', KEYS[1], 'user')
local removed = redis.call('HDEL', KEYS[2], ARGV[1])
-- The sessions of a partition share their names' beginning: the user tells whose it is.
if session[1] == ARGV[2] then redis.call('DEL', KEYS[1]) end
if removed == 1 and session[1] then return {'ended'} end
return {'gone'}
