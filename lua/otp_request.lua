#!lua
-- store a fresh code for a link and queue the mail that carries it
--
-- The waits are told as one: the longest of the cooldown, the full window and the
-- time since the last request, so that a caller that waits is not refused again.
--
-- KEYS[1]  hash of the link
-- KEYS[2]  hash of its code and counters
-- KEYS[3]  its code mail: a newer one replaces one that still waits
-- KEYS[4]  mail queue of the partition
-- ARGV[1]  nonce   of this decision
-- ARGV[2]  mac     of the fresh code, "key:hex"
-- ARGV[3]  ref     mark of the fresh code
-- ARGV[4]  sealed  the code, for the mail
-- ARGV[5]  job     id of the mail in the queue
-- ARGV[6]  max     requests in any window
-- ARGV[7]  window  its length in ms
-- ARGV[8]  apart   ms between two requests
-- ARGV[9]  life    of a code in ms
-- ARGV[10] total   wrong codes in all that end the link
-- ARGV[11] room    mails that may wait in a partition
-- ARGV[12] keep    ms that the counters outlive the link
--
-- Returns {word, ...}
--   {"unknown"}              no record here: load it from Postgres and ask again
--   {"gone"}                 expired, revoked, reissued over or worn out
--   {"cooldown", ms}         locked after wrong codes
--   {"window", ms}           too many requests in the window
--   {"resend", ms}           too soon after the last one
--   {"full"}                 too many mails wait
--   {"sent", left, ms, masked, ref}  queued; requests left in the window; ms until one is given back
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local max, window, apart, life = 0 + ARGV[6], 0 + ARGV[7], 0 + ARGV[8], ARGV[9]
local link = redis.call('HMGET', KEYS[1], 'state', 'expires', 'masked')
if not link[1] then return {'unknown'} end
if link[1] ~= 'live' or link[2] - now <= 0 then return {'gone'} end

local otp = redis.call('HMGET', KEYS[2], 'total', 'until', 'asked', 'asked_nonce', 'code', 'ref', 'old')
if (otp[1] or 0) - ARGV[10] >= 0 then return {'gone'} end

local recent = {}
for at in string.gmatch(otp[3] or '', '%d+') do
  if now - at < window then recent[#recent + 1] = at end
end
if otp[4] == ARGV[1] then
  return {'sent', math.max(max - #recent, 0), recent[1] and recent[1] + window - now or 0, link[3], otp[6] or ARGV[3]}
end

local cooldown = (otp[2] or 0) - now
local full = #recent >= max and recent[#recent - max + 1] + window - now or 0
local soon = recent[1] and recent[#recent] + apart - now or 0
local wait = math.max(cooldown, full, soon)
if cooldown > 0 then return {'cooldown', wait} end
if full > 0 then return {'window', wait} end
if soon > 0 then return {'resend', wait} end
local waiting = redis.call('ZCARD', KEYS[4])
if waiting - ARGV[11] >= 0 then return {'full'} end

-- The code before the newest one, also where it was used or destroyed: typing it costs nothing.
local old = otp[5] or otp[7] or ''
local at = string.format('%d', now)
local over = string.format('%d', link[2] + ARGV[12])
recent[#recent + 1] = at
redis.call('HSET', KEYS[2], 'asked', table.concat(recent, ' '), 'asked_nonce', ARGV[1],
  'old', old, 'code', ARGV[2], 'ref', ARGV[3], 'made', at)
redis.call('PEXPIREAT', KEYS[2], over)

-- To whom it goes stands in the link's record, which job_claim.lua reads.
if otp[4] then redis.call('DEL', KEYS[3]) end
redis.call('HSET', KEYS[3], 'version', ARGV[1], 'masked', link[3], 'ref', ARGV[3], 'sealed', ARGV[4],
  'tell_until', over)
redis.call('PEXPIRE', KEYS[3], life)
redis.call('ZADD', KEYS[4], at, ARGV[5])
redis.call('PEXPIRE', KEYS[4], life, waiting == 0 and 'NX' or 'GT')
return {'sent', max - #recent, recent[1] + window - now, link[3], ARGV[3]}
