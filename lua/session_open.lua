#!lua
-- open a session of a user; of too many, the oldest ends
--
-- KEYS[1]  hash of the session
-- KEYS[2]  hash of the account: role, password version, and a field for each living session, "created expires"
-- ARGV[1]  session  id
-- ARGV[2]  user     id
-- ARGV[3]  version  of the password that was shown
-- ARGV[4]  role     of the user
-- ARGV[5]  rank     version of the role: the highest one told holds
-- ARGV[6]  key      id of the root key that the refresh token is made with
-- ARGV[7]  salt     of refresh tokens
-- ARGV[8]  device   as it calls itself
-- ARGV[9]  address  of the client
-- ARGV[10] life     ms without a refresh
-- ARGV[11] max      living sessions of a user
--
-- Returns {word, session...}
--   {"opened", session...}  the sessions that ended for it, whose hashes can be dropped
--   {"outdated"}            the password has been changed meanwhile
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local account = redis.call('HMGET', KEYS[2], 'version', 'rank')
if tonumber(account[1] or 0) > tonumber(ARGV[3]) then return {'outdated'} end
-- The reply to this very decision was lost: it stands.
if redis.call('EXISTS', KEYS[1]) == 1 then return {'opened'} end

local ended, living = {'opened'}, {}
local fields = redis.call('HGETALL', KEYS[2])
for i = 1, #fields, 2 do
  local created, expires = string.match(fields[i + 1], '^(%d+) (%d+)$')
  if created and tonumber(expires) <= now then
    redis.call('HDEL', KEYS[2], fields[i])
  elseif created then
    living[#living + 1] = {id = fields[i], created = tonumber(created)}
  end
end
table.sort(living, function(a, b) return a.created < b.created end)
for i = 1, #living - tonumber(ARGV[11]) + 1 do
  redis.call('HDEL', KEYS[2], living[i].id)
  ended[#ended + 1] = living[i].id
end

local at = string.format('%d', now)
redis.call('HSET', KEYS[1], 'user', ARGV[2], 'version', ARGV[3], 'generation', '0', 'key', ARGV[6], 'salt', ARGV[7],
  'created', at, 'used', at, 'device', ARGV[8], 'address', ARGV[9])
-- A key is gone in the millisecond after its time: one less, and it is gone at it.
redis.call('PEXPIRE', KEYS[1], string.format('%d', tonumber(ARGV[10]) - 1))
redis.call('HSET', KEYS[2], ARGV[1], string.format('%d %d', now, now + tonumber(ARGV[10])), 'version', ARGV[3])
if tonumber(account[2] or 0) <= tonumber(ARGV[5]) then
  redis.call('HSET', KEYS[2], 'role', ARGV[4], 'rank', ARGV[5])
end
if redis.call('PTTL', KEYS[2]) < tonumber(ARGV[10]) then redis.call('PEXPIRE', KEYS[2], ARGV[10]) end
return ended
