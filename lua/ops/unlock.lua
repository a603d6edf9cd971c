#!lua flags=allow-oom
-- end what keeps a link, a name or a client out: a cooldown, codes asked for too often, a wait, a limit
--
--   redis-cli --raw --eval lua/ops/unlock.lua 'vb:otp:{0c}:<link>' , "$USER@$HOSTNAME"
--
-- It forgives no more than that: the wrong codes of a link in all stay, as does the doubling of its next cooldown; it
-- gets three attempts, and no code. Of a link any key will do; of others it is the key of the limit, which goes. The
-- trail of the partition notes it, and who did it, before anything is changed: what it cannot note it does not do. Works
-- on a Redis that is full.
--
-- KEYS[1]  a key of a link, or the key of a limit
-- ARGV[1]  by      who does it, for the trail
-- ARGV[2]  limits  where they are not the default ones: "otp_attempt.max=5 otp_request.window=60000"
-- ARGV[3]  nonce   of this decision, where it may be asked for again
--
-- Returns {line...}: what was done
local set = {['otp_attempt.max'] = 3, ['otp_attempt.total_max'] = 100, ['otp_request.window'] = 600000}
for name, value in string.gmatch(ARGV[2] or '', '([%l_.]+)=(%d+)') do set[name] = tonumber(value) end
local limits = {'login_account', 'candidate_ip', 'login_ip', 'signup_ip', 'forgot_email', 'forgot_ip', 'reset_ip',
  'invite_user'}
local links = {'link', 'otp', 'seat', 'mailed'}
local by = string.gsub(string.sub(ARGV[1] or '', 1, 64), '[^%w@._-]', '?')
local nonce = string.match(ARGV[3] or '', '^%x+$')
local prefix, kind, place, id = string.match(KEYS[1], '^(.+):([%l_]+):({%x%x}):([%l%x-]+)$')
local job, of_job = string.match(id or '', '^(%l+)-(%x+)$')
if kind == 'job' and (job == 'code' or job == 'invitation' or job == 'start') then kind, id = 'link', of_job end
local function is(list)
  for _, name in ipairs(list) do
    if name == kind then return string.find(id, '^%x+$') end
  end
end
if not kind or not is(links) and not is(limits) then
  return {'NO KEY that can be unlocked: give one as vb:otp:{0c}:<link>, or the key of a limit.'}
end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local trail, batch = string.format('%s:audit:%s', prefix, place), string.format('%s:audit_batch:%s:', prefix, place)

-- The reply to this very decision was lost: give it again.
local said = nonce and redis.call('HGET', batch .. nonce, 'said')
if said then return {said} end
local function note(who, words)
  -- 2,000 and 30 days, as a node keeps them.
  redis.call('XADD', trail, 'MAXLEN', '~', '2000', '*', 'unlocked',
    string.format('who=%s subject=%s by=%s at=%d', who, id, by ~= '' and by or '?', now))
  redis.call('PEXPIRE', trail, '2592000000')
  if nonce then
    redis.call('HSET', batch .. nonce, 'said', words)
    redis.call('PEXPIRE', batch .. nonce, '14000')
  end
end

if is(links) then
  local otp = string.format('%s:otp:%s:%s', prefix, place, id)
  local link = redis.call('HMGET', string.format('%s:link:%s:%s', prefix, place, id), 'state', 'expires', 'interview')
  local found = redis.call('HMGET', otp, 'until', 'total', 'asked')
  local total, locked = tonumber(found[2] or 0), tonumber(found[1] or 0) > now
  local newest = tonumber(string.match(found[3] or '', '(%d+)$') or 0)
  local asked = now - newest < set['otp_request.window']
  local over = link[1] and link[1] ~= 'live' and 'DEAD' or link[1] and tonumber(link[2] or 0) <= now and 'EXPIRED'
    or total >= set['otp_attempt.total_max'] and 'WORN OUT'
  if over then
    return {string.format('%s: nothing is changed, for no unlocking helps. What helps: vestibule interview reissue %s.',
      over, link[3] or 'ID')}
  elseif not locked and not asked then
    return {'NOT LOCKED: nothing is changed. lua/ops/inspect.lua tells why it is blocked, if it is.'}
  end
  local words = string.format('UNLOCKED: %s. %d wrong codes in all stay.', locked and string.format('the cooldown is over, '
    .. 'and %d attempts are back; a fresh code must be asked for, and may be at once', set['otp_attempt.max'])
    or 'a fresh code may be asked for at once', total)
  note(id, words)
  redis.call('HDEL', otp, 'until', 'asked')
  return {words}
end

local who = redis.call('HGET', KEYS[1], 'who')
if redis.call('EXISTS', KEYS[1]) == 0 then return {'NOTHING counts there: nothing is changed.'} end
local words = string.format('UNLOCKED: all that %s had counted of %s is forgotten.', kind, who or id)
note(who or id, words)
redis.call('DEL', KEYS[1])
return {words}
