#!lua flags=allow-oom
-- end what a password that was changed had opened, and queue the notice of it
--
-- The account remembers the new version: a session that was verified against the old
-- password, and is opened only now, is refused.
--
-- KEYS[1]  hash of the account
-- KEYS[2]  hash of the session that changed it
-- KEYS[3]  hash of the reset token that is outstanding
-- KEYS[4]  notice mail
-- KEYS[5]  mail queue of the partition
-- ARGV[1]  keep     id of the session that changed it, or empty: it goes on
-- ARGV[2]  version  of the new password
-- ARGV[3]  fence    ms that a log-in may be under way, in which the version must be remembered
-- ARGV[4]  nonce    of this decision
-- ARGV[5]  job      id of the notice in the queue
-- ARGV[6]  masked   address, as it may be shown
-- ARGV[7]  sealed   what the notice needs
-- ARGV[8]  life     of the notice in ms
-- ARGV[9]  room     mails that may wait in a partition
-- ARGV[10] apart    ms between two notices: the next one waits, and tells of the latest change
--
-- Returns {word, session...}
--   {"ended", session...}  those that ended, whose hashes can be dropped; the notice is queued
--   {"quiet", session...}  the same, but too many mails wait: there is no notice
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
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
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 and redis.call('EXISTS', KEYS[2]) == 1 then
  redis.call('HSET', KEYS[2], 'version', ARGV[2])
end
-- Void, and not forgotten: the job that made it may be delivered again.
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('HSET', KEYS[3], 'spent', ARGV[4]) end

-- The reply to this very decision was lost, and its notice may have gone out since: it stands.
local last = redis.call('HMGET', KEYS[1], 'noticed', 'notice_due')
if last[1] == ARGV[4] then return {'ended', unpack(ended)} end
local waiting = redis.call('ZCARD', KEYS[5])
if waiting >= tonumber(ARGV[9]) then return {'quiet', unpack(ended)} end
local waits = redis.call('ZSCORE', KEYS[5], ARGV[5])
local due = math.max(now, tonumber(last[2] or 0) + tonumber(ARGV[10]))
if redis.call('EXISTS', KEYS[4]) == 1 and waits then due = tonumber(waits) end
redis.call('HSET', KEYS[1], 'noticed', ARGV[4], 'notice_due', string.format('%d', due))
redis.call('DEL', KEYS[4])
redis.call('HSET', KEYS[4], 'version', ARGV[4], 'tries', '0', 'masked', ARGV[6], 'sealed', ARGV[7])
redis.call('PEXPIRE', KEYS[4], ARGV[8])
redis.call('ZADD', KEYS[5], string.format('%d', due), ARGV[5])
redis.call('PEXPIRE', KEYS[5], ARGV[8], waiting == 0 and 'NX' or 'GT')
return {'ended', unpack(ended)}
