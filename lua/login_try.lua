#!lua
-- count one try to log in under a name, before its password is looked at
--
-- It counts as a wrong one until a success clears the name or a fault gives it back:
-- so the try that starts or doubles a wait refuses all that come beside it.
--
-- KEYS[1]  hash of the name's tries
-- ARGV[1]  nonce     of this try
-- ARGV[2]  max       wrong tries, the last of which starts a wait
-- ARGV[3]  wait      the first one in ms; each further wrong try doubles it
-- ARGV[4]  wait_max  the longest in ms
-- ARGV[5]  forget    ms after the last wait, or the last try, until all is forgotten
-- ARGV[6]  who       the name, masked, for the engineer
--
-- Returns {word, ms, ...}
--   {"go", 0}            counted: look at the password
--   {"wait", ms, first}  not counted; ms until a try is taken; 1 where nobody was told of this wait before
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local nonce, max = ARGV[1], tonumber(ARGV[2])
local login = redis.call('HMGET', KEYS[1], 'wrong', 'until', 'tries', 'told')

-- The reply to this very decision was lost: it stands.
local tries = login[3] or ''
if string.find(tries, nonce, 1, true) then return {'go', 0} end
local left = tonumber(login[2] or 0) - now
if left > 0 then
  if not login[4] then redis.call('HSET', KEYS[1], 'told', nonce) end
  return {'wait', left, (login[4] or nonce) == nonce and 1 or 0}
end

-- As many as can be under way together: more than that wait for the first of them.
local wrong = tonumber(login[1] or 0) + 1
tries = string.sub(tries .. ' ' .. nonce, -max * (#nonce + 1))
if login[4] then redis.call('HDEL', KEYS[1], 'told') end
redis.call('HSET', KEYS[1], 'wrong', string.format('%d', wrong), 'tries', tries, 'who', ARGV[6])
local wait = 0
if wrong >= max then
  wait = math.min(tonumber(ARGV[3]) * 2 ^ (wrong - max), tonumber(ARGV[4]))
  redis.call('HSET', KEYS[1], 'until', string.format('%d', now + wait), 'by', nonce)
end
-- A key is gone in the millisecond after its time: one less, and it is gone at it.
redis.call('PEXPIRE', KEYS[1], string.format('%d', wait + tonumber(ARGV[5]) - 1))
return {'go', 0}
