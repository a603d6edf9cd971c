#!lua flags=no-writes
-- tell what became of a link and of its mails, changing nothing
--
-- KEYS[1]  hash of the link
-- KEYS[2]  hash of its code and counters
-- KEYS[3]  what became of its mails
-- KEYS[4]  its waiting invitation mail
-- KEYS[5]  its waiting code mail
-- ARGV[1]  total  wrong codes in all that end the link
--
-- Returns {word, ...}
--   {"told", now, started, asked, verified, locked, until, worn, invitation..., code...}
--           unix ms, 0 for what was not: the first start, the newest request for a code, the newest right code, the
--           newest lock and its end; 1 where the link is worn out; and of each of the two mails four values: its
--           status or "", when, tries that failed, and the relay's words
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local started = tonumber(redis.call('HGET', KEYS[1], 'started') or 0)
local otp = redis.call('HMGET', KEYS[2], 'asked', 'verified', 'locked', 'until', 'total')
local asked = tonumber(string.match(otp[1] or '', '(%d+)$') or 0)
local verified, locked = tonumber(otp[2] or 0), tonumber(otp[3] or 0)
local notes = redis.call('HMGET', KEYS[3], 'invitation', 'code')
local invitation = redis.call('HMGET', KEYS[4], 'tries', 'tried', 'why', 'version')
local code = redis.call('HMGET', KEYS[5], 'tries', 'tried', 'why', 'version')

local told = {'told', now, started, asked, verified, locked, tonumber(otp[4] or 0),
  tonumber(otp[5] or 0) >= tonumber(ARGV[1]) and 1 or 0}
for n, job in ipairs({invitation, code}) do
  -- A code mail is the newest one, or none.
  local since, status, at, tries, why = n == 2 and asked or 0, '', 0, 0, ''
  local ended, when, words = string.match(notes[n] or '', '^(%a+) (%d+) ?(.*)$')
  if job[4] then
    status, tries = job[2] and 'deferred' or 'queued', tonumber(job[1] or 0)
    at, why = tonumber(job[2] or since), job[3] or ''
  elseif ended and tonumber(when) >= since then
    status, at, why = ended, tonumber(when), words
  elseif since > 0 then
    -- Nobody waited for the relay's answer: the code was used, or destroyed, or has expired.
    status = math.max(verified, locked) >= since and 'dropped' or 'expired'
  end
  for _, value in ipairs({status, at, tries, why}) do told[#told + 1] = value end
end
return told
