#!lua
-- queue a mail that belongs to no other decision: one of its kind for its subject
--
-- KEYS[1]  queue of the partition
-- KEYS[2]  the job; one that still waits is replaced
-- KEYS[3]  what became of the subject's mails
-- KEYS[4]  hash of the subject's link
-- ARGV[1]  id          of the job in the queue
-- ARGV[2]  version     of the job: the nonce of this decision
-- ARGV[3]  masked      address, as it may be shown
-- ARGV[4]  sealed      what the mail needs
-- ARGV[5]  expires     unix ms after which it is not worth sending
-- ARGV[6]  room        jobs that may wait in a partition
-- ARGV[7]  tell_until  unix ms until which somebody may ask what became of it
--
-- Returns {word}
--   {"queued"}  due now; or, where a reply was lost, already sent
--   {"full"}    too many wait
--   {"late"}    it has expired already
--   {"dead"}    its link was revoked or reissued over meanwhile: nobody is to be sent there
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local life = tonumber(ARGV[5]) - now
if life <= 0 then return {'late'} end
-- The reply to this very decision was lost: it stands, sent or not.
if redis.call('HGET', KEYS[2], 'version') == ARGV[2] then return {'queued'} end
if redis.call('HEXISTS', KEYS[3], string.match(ARGV[1], '^%a+')) == 1 then return {'queued'} end
if redis.call('HGET', KEYS[4], 'state') == 'dead' then return {'dead'} end
local waiting = redis.call('ZCARD', KEYS[1])
if waiting >= tonumber(ARGV[6]) then return {'full'} end

redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'version', ARGV[2], 'tries', '0', 'masked', ARGV[3], 'sealed', ARGV[4],
  'tell_until', ARGV[7])
redis.call('PEXPIRE', KEYS[2], string.format('%d', life))
redis.call('ZADD', KEYS[1], string.format('%d', now), ARGV[1])
redis.call('PEXPIRE', KEYS[1], string.format('%d', life), waiting == 0 and 'NX' or 'GT')
return {'queued'}
