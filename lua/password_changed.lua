#!lua flags=allow-oom
-- end what a password that was changed had opened, and queue the notice of it
--
-- The account remembers the new version: a session that was verified against the old
-- password, and is opened only now, is refused.
--
-- KEYS[1]  hash of the account
-- KEYS[2]  hash of the reset token that is outstanding
-- KEYS[3]  notice mail
-- KEYS[4]  mail queue of the partition
-- ARGV[1]  keep     id of the session that changed it, or empty: it goes on
-- ARGV[2]  version  of the new password
-- ARGV[3]  fence    ms that a log-in may be under way, in which the version must be remembered
-- ARGV[4]  nonce    of this decision
-- ARGV[5]  job      id of the notice in the queue
-- ARGV[6]  masked   address, as it may be shown
-- ARGV[7]  sealed   what the notice needs
-- ARGV[8]  life     of the notice in ms
-- ARGV[9]  room     mails that may wait in a partition
--
-- Returns {word, session...}
--   {"ended", session...}  those that ended, whose hashes can be dropped; the notice is queued
--   {"quiet", session...}  the same, but too many mails wait: there is no notice
local t = redis.call('TIME')
local now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
local ended = {}
-- Two changes may come in the wrong order: what the newer one has left lives on.
if tonumber(redis.call('HGET', KEYS[1], 'version') or 0) <= tonumber(ARGV[2]) then
  local fields = redis.call('HGETALL', KEYS[1])
  for i = 1, #fields, 2 do
    if string.find(fields[i + 1], '^%d+ %d+$') and fields[i] ~= ARGV[1] then
      redis.call('HDEL', KEYS[1], fields[i])
      ended[#ended + 1] = fields[i]
    end
  end
  redis.call('HSET', KEYS[1], 'version', ARGV[2])
end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[3]) then redis.call('PEXPIRE', KEYS[1], ARGV[3]) end
redis.call('DEL', KEYS[2])

if redis.call('HGET', KEYS[3], 'version') == ARGV[4] then return {'ended', unpack(ended)} end
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[9]) then return {'quiet', unpack(ended)} end
redis.call('DEL', KEYS[3])
redis.call('HSET', KEYS[3], 'version', ARGV[4], 'tries', '0', 'masked', ARGV[6], 'sealed', ARGV[7])
redis.call('PEXPIRE', KEYS[3], ARGV[8])
redis.call('ZADD', KEYS[4], now, ARGV[5])
if redis.call('PTTL', KEYS[4]) < tonumber(ARGV[8]) then redis.call('PEXPIRE', KEYS[4], ARGV[8]) end
return {'ended', unpack(ended)}
