#!lua
-- let a session outlive the change of password that it is about to make
--
-- KEYS[1]  hash of the session
-- KEYS[2]  hash of the account
-- ARGV[1]  session  id
-- ARGV[2]  version  that the password is going to have
--
-- Returns {word}
--   {"trusted"}  its version is the coming one
--   {"gone"}     ended, or expired
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 or redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
redis.call('HSET', KEYS[1], 'version', ARGV[2])
return {'trusted'}
