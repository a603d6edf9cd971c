#!lua flags=no-writes
-- tell whether a session lives, and what it may, changing nothing
--
-- It lives while both its hash and the account know it: ending all of a user's
-- sessions takes them out of the account, in one step.
--
-- KEYS[1]  hash of the session
-- KEYS[2]  hash of the account
-- ARGV[1]  session  id
--
-- Returns {word, ...}
--   {"alive", role, version, key, salt}  of the user, of its password, of its refresh tokens
--   {"gone"}                             ended, expired, or never was
local session = redis.call('HMGET', KEYS[1], 'version', 'key', 'salt')
local account = redis.call('HMGET', KEYS[2], ARGV[1], 'role', 'version')
if not session[1] or not account[1] then return {'gone'} end
if tonumber(account[3]) > tonumber(session[1]) then return {'gone'} end
return {'alive', account[2], tonumber(session[1]), session[2], session[3]}
