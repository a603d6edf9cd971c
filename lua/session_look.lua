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
local session = redis.call('HMGET', KEYS[1], 'version', 'key', 'salt', 'coming', 'coming_until')
local account = redis.call('HMGET', KEYS[2], ARGV[1], 'role', 'version')
if not session[1] or not account[1] then return {'gone'} end
local version = tonumber(session[1])
if session[4] then
  local t = redis.call('TIME')
  if tonumber(session[5]) > t[1] * 1000 + math.floor(t[2] / 1000) then version = tonumber(session[4]) end
end
if tonumber(account[3]) > version then return {'gone'} end
return {'alive', account[2], version, session[2], session[3]}
