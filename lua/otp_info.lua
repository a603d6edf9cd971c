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
if link[1] ~= 'live' or tonumber(link[2]) <= now then return {'gone'} end

local otp = redis.call('HMGET', KEYS[2], 'total', 'until', 'wrong', 'asked', 'made', 'ref')
if tonumber(otp[1] or 0) >= tonumber(ARGV[6]) then return {'gone'} end

local recent = {}
for at in string.gmatch(otp[4] or '', '%d+') do
  if now - tonumber(at) < tonumber(ARGV[2]) then recent[#recent + 1] = tonumber(at) end
end
local cooldown = math.max(tonumber(otp[2] or 0) - now, 0)
local resend = math.max(cooldown, (recent[#recent] or 0) + tonumber(ARGV[3]) - now, 0)
local over = #recent - tonumber(ARGV[1]) + 1
if over > 0 then resend = math.max(resend, recent[over] + tonumber(ARGV[2]) - now) end

-- At least one is left outside a lock, also where the configured number has come down.
local left = cooldown > 0 and 0 or math.max(tonumber(ARGV[5]) - tonumber(otp[3] or 0), 1)
local ref = otp[5] and now - tonumber(otp[5]) < tonumber(ARGV[4]) and otp[6] or ''
return {'info', resend, cooldown, left, tonumber(link[2]), link[3], link[4], link[5], ref}
