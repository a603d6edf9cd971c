#!lua
-- store the digest of a reset token, the newest only, and queue the mail that carries it
--
-- KEYS[1]  hash of the user's reset token
-- KEYS[2]  its mail: a newer one replaces one that still waits
-- KEYS[3]  mail queue of the partition
-- ARGV[1]  request  version of the job that asked, which is the mail's too
-- ARGV[2]  asked    when it was queued, in unix ms: the newest request wins
-- ARGV[3]  digest   of the token
-- ARGV[4]  version  of the password that the token may replace
-- ARGV[5]  life     of the token in ms
-- ARGV[6]  job      id of the mail in the queue
-- ARGV[7]  masked   address, as it may be shown
-- ARGV[8]  sealed   what the mail needs
-- ARGV[9]  room     mails that may wait in a partition
--
-- Returns {word}
--   {"stored"}      and its mail is queued, or was
--   {"superseded"}  a newer request was faster
--   {"spent"}       the token of this very request was used already
--   {"full"}        too many mails wait
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local reset = redis.call('HMGET', KEYS[1], 'asked', 'request', 'digest', 'spent')
if reset[1] and tonumber(reset[1]) > tonumber(ARGV[2]) then return {'superseded'} end
if reset[2] == ARGV[1] then
  if reset[4] then return {'spent'} end
  if reset[3] == ARGV[3] then return {'stored'} end
end
local waiting = redis.call('ZCARD', KEYS[3])
if waiting >= tonumber(ARGV[9]) then return {'full'} end

redis.call('DEL', KEYS[1], KEYS[2])
redis.call('HSET', KEYS[1], 'request', ARGV[1], 'asked', ARGV[2], 'digest', ARGV[3], 'version', ARGV[4])
-- A key is gone in the millisecond after its time: one less, and it is gone at it.
redis.call('PEXPIRE', KEYS[1], string.format('%d', tonumber(ARGV[5]) - 1))
redis.call('HSET', KEYS[2], 'version', ARGV[1], 'tries', '0', 'masked', ARGV[7], 'sealed', ARGV[8])
redis.call('PEXPIRE', KEYS[2], ARGV[5])
redis.call('ZADD', KEYS[3], string.format('%d', now), ARGV[6])
redis.call('PEXPIRE', KEYS[3], ARGV[5], waiting == 0 and 'NX' or 'GT')
return {'stored'}
