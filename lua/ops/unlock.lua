#!lua flags=allow-oom
-- end what keeps a link, a name or a client out: a cooldown, a wait, a limit
--
--   redis-cli --raw --eval lua/ops/unlock.lua 'vb:otp:{0c}:<link>'
--
-- It forgives no more than that: the wrong codes of a link in all stay, as does the doubling of its next cooldown; it
-- gets three attempts, and no code. Of a link any key will do; of others it is the key of the limit, which goes. The
-- trail of the partition notes it. Works on a Redis that is full.
--
-- KEYS[1]  a key of a link, or the key of a limit
--
-- Returns {line...}: what was done
local limits = {'login_account', 'candidate_ip', 'login_ip', 'signup_ip', 'forgot_email', 'forgot_ip', 'reset_ip',
  'invite_user'}
local links = {'link', 'otp', 'seat', 'mailed'}
local prefix, kind, place, id = string.match(KEYS[1], '^(.+):([%l_]+):({%x%x}):(%x+)$')
local function is(list)
  for _, name in ipairs(list) do
    if name == kind then return true end
  end
end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local function note(who)
  local trail = string.format('%s:audit:%s', prefix, place)
  redis.call('XADD', trail, '*', 'event', 'unlocked', 'who', who, 'subject', id, 'at', string.format('%.0f', now))
  -- 30 days, as audit_add.lua has them.
  redis.call('PEXPIRE', trail, '2592000000')
end

if kind and is(links) then
  local otp = string.format('%s:otp:%s:%s', prefix, place, id)
  local found = redis.call('HMGET', otp, 'until', 'total')
  if tonumber(found[1] or 0) <= now then
    return {'NOT LOCKED: nothing is changed. lua/ops/inspect.lua tells why it is blocked, if it is.'}
  end
  redis.call('HDEL', otp, 'until')
  note(id)
  return {string.format('UNLOCKED: the cooldown is over, and three attempts are back; a fresh code must be asked for. '
    .. '%d wrong codes in all stay.', tonumber(found[2] or 0))}
elseif kind and is(limits) then
  local who = redis.call('HGET', KEYS[1], 'who')
  if redis.call('DEL', KEYS[1]) == 0 then return {'NOTHING counts there: nothing is changed.'} end
  note(who or id)
  return {string.format('UNLOCKED: all that %s had counted of %s is forgotten.', kind, who or id)}
end
return {'NO KEY that can be unlocked: give one as vb:otp:{0c}:<link>, or the key of a limit.'}
