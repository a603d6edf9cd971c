#!lua flags=no-writes
-- tell the state of a link, changing nothing
--
-- KEYS[1]  hash of the link
-- KEYS[2]  hash of its code and counters
-- ARGV[1]  max       requests for a code in any window
-- ARGV[2]  window    its length in ms
-- ARGV[3]  apart     ms between two requests
-- ARGV[4]  life      of a code in ms
-- ARGV[5]  attempts  wrong codes that lock
-- ARGV[6]  total     wrong codes in all that end the link
--
-- Returns {word, ...}
--   {"unknown"}  no record here: load it from Postgres and ask again
--   {"gone"}     expired, revoked, reissued over or worn out
--   {"info", resend, cooldown, left, expires, name, position, masked, ref}
--                ms until a code may be asked for; ms left of a lock; attempts left;
--                unix ms; three texts; mark of the outstanding code, or empty
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local link = redis.call('HMGET', KEYS[1], 'state', 'expires', 'name', 'position', 'masked')
if not link[1] then return {'unknown'} end
local expires = 0 + (link[2] or 0)
if link[1] ~= 'live' or expires <= now then return {'gone'} end

local otp = redis.call('HMGET', KEYS[2], 'total', 'until', 'wrong', 'asked', 'made', 'ref')
if (otp[1] or 0) - ARGV[6] >= 0 then return {'gone'} end

local cooldown = math.max((otp[2] or 0) - now, 0)
local resend = cooldown
if otp[4] then
  local max, window, recent = 0 + ARGV[1], 0 + ARGV[2], {}
  for at in string.gmatch(otp[4], '%d+') do
    if now - at < window then recent[#recent + 1] = at end
  end
  local full = #recent >= max and recent[#recent - max + 1] + window - now or 0
  local soon = recent[1] and recent[#recent] + ARGV[3] - now or 0
  resend = math.max(cooldown, full, soon)
end

-- At least one is left outside a lock, also where the configured number has come down.
local left = cooldown > 0 and 0 or math.max(ARGV[5] - (otp[3] or 0), 1)
local ref = otp[5] and now - otp[5] - ARGV[4] < 0 and otp[6] or ''
return {'info', resend, cooldown, left, expires, link[3], link[4], link[5], ref}
