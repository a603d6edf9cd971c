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
local session = redis.call('HMGET', KEYS[1], 'user')
local account = redis.call('HMGET', KEYS[2], ARGV[1], 'ended')
-- The reply to this very decision was lost: it stands.
if account[2] == ARGV[3] then return {'ended'} end
local lived = session[1] and account[1]
if lived then redis.call('HSET', KEYS[2], 'ended', ARGV[3]) end
redis.call('HDEL', KEYS[2], ARGV[1])
-- The sessions of a partition share their names' beginning: the user tells whose it is.
if session[1] == ARGV[2] then redis.call('DEL', KEYS[1]) end
if lived then return {'ended'} end
return {'gone'}
