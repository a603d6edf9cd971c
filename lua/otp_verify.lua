#!lua
-- spend one attempt on the code of a link; a right code opens the candidate's seat
--
-- KEYS[1]  hash of the link
-- KEYS[2]  hash of its code and counters
-- KEYS[3]  seat of its candidate's session
-- KEYS[4]  its waiting code mail
-- ARGV[1]  nonce         of this decision
-- ARGV[2]  macs          of the code presented, one for each root key: "key:hex key:hex"
-- ARGV[3]  life          of a code in ms
-- ARGV[4]  attempts      wrong codes that lock
-- ARGV[5]  cooldown      of the first lock in ms
-- ARGV[6]  cooldown_max  of any lock in ms
-- ARGV[7]  total         wrong codes in all that end the link
-- ARGV[8]  grace         ms that the session outlives the interview's length
--
-- Returns {word, ...}
--   {"unknown"}          no record here: load it from Postgres and ask again
--   {"gone"}             expired, revoked, reissued over or worn out
--   {"accepted", minutes, interview, session, name, position}  matched, and now spent
--   {"wrong", left}      attempts left, at least 1
--   {"locked", ms}       this one was one too many: the code is destroyed
--   {"cooldown", ms}     still locked; nothing was compared
--   {"foreign"}          the code is under a root key that the caller lacks (yet); costs nothing
--   {"superseded", ref}  the code before the newest, whose mark is ref; costs nothing
--   {"expired"}          no code outstanding; costs nothing
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local nonce, attempts, at = ARGV[1], 0 + ARGV[4], string.format('%d', now)
local link = redis.call('HMGET', KEYS[1], 'state', 'expires', 'minutes', 'interview', 'session', 'name', 'position')
if not link[1] then return {'unknown'} end
if link[1] ~= 'live' or link[2] - now <= 0 then return {'gone'} end
local otp = redis.call('HMGET', KEYS[2], 'total', 'until', 'wrong', 'locks', 'code', 'made', 'old', 'ref', 'won', 'misses')
local total, wrong, locks = 0 + (otp[1] or 0), 0 + (otp[3] or 0), 0 + (otp[4] or 0)
if total - ARGV[7] >= 0 then return {'gone'} end
local accepted = {'accepted', 0 + link[3], link[4], link[5], link[6], link[7]}
local cooldown = (otp[2] or 0) - now

-- The reply to this very decision was lost: give it again.
if otp[9] == nonce then return accepted end
local seen = string.find(otp[10] or '', nonce, 1, true)
if seen then
  local nth = (seen - 1) / (#nonce + 1) + 1
  if nth < attempts then return {'wrong', attempts - nth} end
  return {'locked', math.max(cooldown, 1)}
end

if cooldown > 0 then return {'cooldown', cooldown} end
if not otp[5] or now - otp[6] - ARGV[3] >= 0 then return {'expired'} end
local macs = ' ' .. ARGV[2] .. ' '
if not string.find(macs, ' ' .. string.match(otp[5], '^[^:]+:'), 1, true) then return {'foreign'} end
local function presented(mac) return mac and mac ~= '' and string.find(macs, ' ' .. mac .. ' ', 1, true) end

if presented(otp[5]) then
  local life = string.format('%d', link[3] * 60000 + ARGV[8])
  redis.call('HDEL', KEYS[2], 'code', 'made', 'ref', 'until', 'wrong', 'locks')
  redis.call('HSET', KEYS[2], 'won', nonce, 'old', otp[5], 'verified', at)
  redis.call('DEL', KEYS[4])
  redis.call('HSET', KEYS[3], 'interview', link[4], 'session', link[5], 'since', at)
  redis.call('PEXPIRE', KEYS[3], life)
  redis.call('PEXPIRE', KEYS[1], life, 'GT')
  return accepted
end
if presented(otp[7]) then return {'superseded', otp[8]} end

local misses = wrong > 0 and otp[10] and otp[10] .. ' ' .. nonce or nonce
wrong, total = wrong + 1, string.format('%d', total + 1)
if wrong < attempts then
  redis.call('HSET', KEYS[2], 'wrong', string.format('%d', wrong), 'total', total, 'misses', misses)
  if total - ARGV[7] >= 0 then return {'gone'} end
  return {'wrong', attempts - wrong}
end
local ms = math.min(ARGV[5] * 2 ^ locks, 0 + ARGV[6])
redis.call('HDEL', KEYS[2], 'code', 'made', 'ref')
redis.call('HSET', KEYS[2], 'wrong', '0', 'locks', string.format('%d', locks + 1), 'total', total,
  'old', otp[5], 'misses', misses, 'locked', at, 'until', string.format('%d', now + ms))
redis.call('DEL', KEYS[4])
if total - ARGV[7] >= 0 then return {'gone'} end
return {'locked', ms}
