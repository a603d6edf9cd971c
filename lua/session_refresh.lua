#!lua
-- take one refresh token of a session, and name the generation that follows
--
-- The caller has proved that the token was made for this session: what it never had
-- cannot end it.
--
-- KEYS[1]  hash of the session
-- KEYS[2]  hash of the account
-- ARGV[1]  session     id
-- ARGV[2]  generation  of the token that is presented
-- ARGV[3]  version     of the user's password in Postgres
-- ARGV[4]  role        of the user in Postgres
-- ARGV[5]  rank        version of the role: the highest one told holds
-- ARGV[6]  life        ms without a refresh
-- ARGV[7]  grace       ms in which the token before gets the same successor
-- ARGV[8]  device      as it calls itself
-- ARGV[9]  address     of the client
-- ARGV[10] key         id of the root key that a successor is made with
--
-- Returns {word, ...}
--   {"rotated", generation, key}  of the successor, and the root key that it is made with
--   {"again", generation, key}    of the successor that the token was exchanged for a moment ago
--   {"reused"}                    it was exchanged before: the session is ended
--   {"outdated"}                  the password has been changed since: the session is ended
--   {"gone"}                      ended, expired, or never was
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local presented, life = tonumber(ARGV[2]), tonumber(ARGV[6])
local session = redis.call('HMGET', KEYS[1], 'version', 'generation', 'rotated', 'created', 'key',
  'coming', 'coming_until')
local account = redis.call('HMGET', KEYS[2], ARGV[1], 'version', 'rank')
if not session[1] or not account[1] then return {'gone'} end
local function finish()
  redis.call('DEL', KEYS[1])
  redis.call('HDEL', KEYS[2], ARGV[1])
end

-- This very session may be changing the password just now.
local version = tonumber(session[6] and tonumber(session[7]) > now and session[6] or session[1])
if math.max(tonumber(ARGV[3]), tonumber(account[2])) > version then
  finish()
  return {'outdated'}
end
-- A failover may have forgotten the latest exchanges: the token proves them.
local generation = math.max(tonumber(session[2]), presented)
if presented == generation - 1 and session[3] and now - tonumber(session[3]) < tonumber(ARGV[7]) then
  return {'again', generation, session[5]}
end
if presented < generation then
  finish()
  return {'reused'}
end

local at = string.format('%d', now)
redis.call('HSET', KEYS[1], 'generation', string.format('%d', generation + 1), 'rotated', at, 'used', at,
  'device', ARGV[8], 'address', ARGV[9], 'key', ARGV[10])
-- A key is gone in the millisecond after its time: one less, and it is gone at it.
redis.call('PEXPIRE', KEYS[1], string.format('%d', life - 1))
redis.call('HSET', KEYS[2], ARGV[1], string.format('%s %d', session[4], now + life))
if tonumber(account[3] or 0) <= tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[2], 'role', ARGV[4], 'rank', ARGV[5])
end
if redis.call('PTTL', KEYS[2]) < life then redis.call('PEXPIRE', KEYS[2], ARGV[6]) end
return {'rotated', generation + 1, ARGV[10]}
