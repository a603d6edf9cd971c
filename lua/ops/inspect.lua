#!lua flags=no-writes
-- tell everything about a link, an account, a login or a client address, in words, changing nothing
--
-- Any one key of the subject will do: of a link its link, otp, seat, mailed or job; of an account its account, reset,
-- session or job; of a name or a client the key of the limit. The other keys are named here, against the rule that
-- scripts name none: they differ in their kind alone, stand in the same slot, and one is enough to type at 3 a.m.
--
--   redis-cli --raw --eval lua/ops/inspect.lua 'vb:otp:{0c}:<link>'
--
-- With a candidate's token, and without the binary, the id of the link is (and the partition, of 16, its last digit):
--
--   read -rs TOKEN; printf %s "$TOKEN" | sha256sum | cut -c1-32
--
-- KEYS[1]  any key of the subject
-- ARGV[1]  limits  where they are not the default ones, times in ms: "otp_attempt.max=5 otp_request.window=60000"
--
-- Returns {line...}: its first word in capitals is the state
local limits = {['candidate_ip.max'] = 120, ['candidate_ip.window'] = 60000, ['otp_request.max'] = 5,
  ['otp_request.window'] = 600000, ['otp_request.apart'] = 60000, ['otp_attempt.max'] = 3,
  ['otp_attempt.total_max'] = 100, ['login_account.max'] = 5, ['login_account.wait'] = 60000,
  ['login_account.wait_max'] = 3600000, ['login_ip.max'] = 50, ['login_ip.window'] = 900000, ['signup_ip.max'] = 10,
  ['signup_ip.window'] = 3600000, ['forgot_email.max'] = 3, ['forgot_email.window'] = 900000, ['forgot_ip.max'] = 20,
  ['forgot_ip.window'] = 3600000, ['reset_ip.max'] = 20, ['reset_ip.window'] = 600000, ['invite_user.max'] = 1000,
  ['invite_user.window'] = 3600000, ['candidate.code_life'] = 600000}
for name, value in string.gmatch(ARGV[1] or '', '([%l_.]+)=(%d+)') do limits[name] = tonumber(value) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local lines = {}
local function say(form, ...) lines[#lines + 1] = string.format(form, ...) end

-- A time to come is told in full seconds that have to pass, one that is past in those that have.
local function span(ms)
  local s = ms > 0 and math.ceil(ms / 1000) or math.floor(math.abs(ms) / 1000)
  local d, h, m = math.floor(s / 86400), math.floor(s % 86400 / 3600), math.floor(s % 3600 / 60)
  local function two(a, one, b, other) return string.format(b > 0 and '%d %s %d %s' or '%d %s', a, one, b, other) end
  if d > 0 then return two(d, 'd', h, 'h') end
  if h > 0 then return two(h, 'h', m, 'min') end
  return m > 0 and two(m, 'min', s % 60, 's') or s .. ' s'
end
local function at(ms)
  local days, s = math.floor(ms / 86400000), math.floor(ms / 1000)
  local clock = string.format('%02d:%02d:%02d UTC', math.floor(s % 86400 / 3600), math.floor(s % 3600 / 60), s % 60)
  if days == math.floor(now / 86400000) then return 'at ' .. clock end
  -- Howard Hinnant's civil_from_days, from 1 March of the year 0.
  days = days + 719468
  local era = math.floor(days / 146097)
  local doe = days % 146097
  local yoe = math.floor((doe - math.floor(doe / 1460) + math.floor(doe / 36524) - math.floor(doe / 146096)) / 365)
  local doy = doe - 365 * yoe - math.floor(yoe / 4) + math.floor(yoe / 100)
  local mp = math.floor((5 * doy + 2) / 153)
  local day, month = doy - math.floor((153 * mp + 2) / 5) + 1, mp < 10 and mp + 3 or mp - 9
  return string.format('on %04d-%02d-%02d at %s', era * 400 + yoe + (month < 3 and 1 or 0), month, day, clock)
end
local function till(ms) return string.format('in %s, %s', span(ms - now), at(math.ceil(ms / 1000) * 1000)) end
local function since(ms) return string.format('%s ago, %s', span(ms - now), at(ms)) end
local function nth(n) return n .. (({'st', 'nd', 'rd'})[n % 100 > 10 and n % 100 < 14 and 0 or n % 10] or 'th') end
local function many(n, one, more) return string.format('%d %s', n, n == 1 and one or more or one .. 's') end

local prefix, kind, place, id = string.match(KEYS[1], '^(.+):([%l_]+):({%x%x}):([%w-]+)$')
if not kind then
  return {'NO KEY of a subject: give one as vb:otp:{0c}:<link>. Of a queue, lua/ops/outbox.lua tells.'}
end
local function of(other, name) return string.format('%s:%s:%s:%s', prefix, other, place, name) end
local function hash(key)
  local fields, found = redis.call('HGETALL', key), {}
  for i = 1, #fields, 2 do found[fields[i]] = fields[i + 1] end
  return found, #fields > 0
end
local function number(text) return tonumber(text or 0) or 0 end

-- The times in a log that are in its window, the oldest first.
local function recent(log, window)
  local times = {}
  for word in string.gmatch(log or '', '%S+') do
    local ms = number(string.match(word, '^%d+'))
    if now - ms < window then times[#times + 1] = ms end
  end
  return times
end

-- What became of the mail of this kind; `ended` is the note of the relay's answer.
local function mail(what, job, ended)
  local waiting, there = hash(of('job', job))
  local word, when, words = string.match(ended or '', '^(%l+) (%d+) ?(.*)$')
  if not there then
    if word == 'accepted' then return say('%s: the relay took it %s.', what, since(number(when))) end
    if word then say('%s: the relay REFUSED it %s: %s', what, since(number(when)), words) end
    return
  end
  local due
  for _, queue in ipairs({'mail', 'starts', 'resets'}) do
    due = due or redis.call('ZSCORE', string.format('%s:%s:%s', prefix, queue, place), job)
  end
  local next_try = not due and 'it is in no queue: lost'
    or number(due) > now and 'the next try is ' .. till(number(due)) or 'it was due ' .. since(number(due))
  if not waiting.tried then return say('%s: WAITS, not tried yet; %s.', what, next_try) end
  say('%s: WAITS after %s; %s. The last one failed %s: %s', what, many(number(waiting.tries), 'try', 'tries'), next_try,
    since(number(waiting.tried)), waiting.why or '?')
end

-- How many partitions there are no key tells that stands in the same slot.
local function unknown(name, words)
  local usual = string.format('{0%s}', string.sub(name, -1))
  if place ~= usual then
    return say('WRONG PARTITION, where redis.partitions is 16: it is %s then, not %s.', usual, place)
  end
  say('UNKNOWN HERE: %s', words)
  say('(Where redis.partitions is not 16, its partition may be another: vestibule explain tells it.)')
end

local function link_state(link_id, link, otp)
  local total, worn = number(otp.total), limits['otp_attempt.total_max']
  local lock, again = number(otp['until']), 'vestibule interview reissue ' .. (link.interview or 'ID')
  if not link.state then
    return unknown(link_id, 'nobody has used it since Redis has its data. Its next use reads it from Postgres, if there '
      .. 'is such a link at all: vestibule explain asks there.')
  elseif link.state ~= 'live' then
    return say('DEAD: revoked or reissued over %s. What helps: the newest mail, or %s.',
      since(number(link.since)), again)
  elseif number(link.expires) <= now then
    return say('EXPIRED %s. What helps: %s.', since(number(link.expires)), again)
  elseif total >= worn then
    return say('WORN OUT: %d wrong codes in all, of %d that end a link. What helps: %s.', total, worn, again)
  end
  if lock > now then
    say('LOCKED after %d wrong codes (%s time). Ends %s. What helps: wait, or lua/ops/unlock.lua.',
      limits['otp_attempt.max'], nth(number(otp.locks)), till(lock))
  else
    say('LIVE: it ends %s.', till(number(link.expires)))
    say('%d of %d attempts left.%s', math.max(limits['otp_attempt.max'] - number(otp.wrong), 1),
      limits['otp_attempt.max'], otp.locked and ' It was locked ' .. since(number(otp.locked)) .. '.' or '')
  end
  say('%s in all; at %d the link is dead until it is reissued.', many(total, 'wrong code'), worn)

  local asked, max = recent(otp.asked, limits['otp_request.window']), limits['otp_request.max']
  local full = #asked >= max and asked[#asked - max + 1] + limits['otp_request.window'] or 0
  local soon = #asked > 0 and asked[#asked] + limits['otp_request.apart'] or 0
  if full > math.max(now, lock) then
    say('TOO MANY CODES: %d asked for in %s. The next one may be asked for %s. What helps: wait, or lua/ops/unlock.lua.',
      #asked, span(limits['otp_request.window']), till(full))
  elseif soon > math.max(now, lock) then
    say('TOO SOON for another code: the last one was asked for %s. The next one may be asked for %s.',
      since(asked[#asked]), till(soon))
  end
  local over = number(otp.made) + limits['candidate.code_life']
  if otp.code and over > now then
    say('A code is outstanding: mark %s, made %s. It ends %s.', otp.ref or '?', since(number(otp.made)), till(over))
  else
    say('No code is outstanding: %s.', otp.code and 'it ran out ' .. since(over)
      or lock > now and 'the lock took it' or otp.verified and 'the last one was used'
      or #asked == 0 and 'none was asked for lately' or 'the last one is gone')
  end
end

local function inspect_link(link_id)
  local link, otp, mailed = hash(of('link', link_id)), hash(of('otp', link_id)), hash(of('mailed', link_id))
  say('link %s%s', link_id, link.interview and string.format(', interview %s, %s', link.interview, link.masked) or '')
  link_state(link_id, link, otp)
  if otp.verified then say('A code was right %s.', since(number(otp.verified))) end
  local seat, seated = hash(of('seat', link_id))
  if link.started then say('STARTED %s: the candidate was let in.', since(number(link.started))) end
  if seated then
    say('A session of the candidate lives, begun %s. It ends %s.', at(number(seat.since)),
      till(now + redis.call('PTTL', of('seat', link_id))))
  elseif link.started or otp.verified then
    say('No session of the candidate lives: they have to verify a code again.')
  end
  mail('Invitation mail', 'invitation-' .. link_id, mailed.invitation)
  mail('Code mail', 'code-' .. link_id, mailed.code)
  mail('Start, for Postgres', 'start-' .. link_id)
end

local function inspect_limit()
  local counted = hash(KEYS[1])
  local max, window = limits[kind .. '.max'], limits[kind .. '.window']
  local sum, free, width = 0, 0, math.ceil((window or 0) / 12)
  say('%s of %s', kind, counted.who or id)
  if kind == 'candidate_ip' or kind == 'invite_user' then
    local starts = {}
    for field in pairs(counted) do
      local start = tonumber(field)
      if start and start >= math.floor(now / width) * width - 12 * width then
        starts[#starts + 1] = start
        sum = sum + number(counted[field])
      end
    end
    table.sort(starts)
    local leaving = sum - max + 1
    for _, start in ipairs(starts) do
      if leaving > 0 then free = start + 13 * width end
      leaving = leaving - number(counted[string.format('%d', start)])
    end
  else
    local log = recent(counted.log, window)
    sum, free = #log, #log >= max and log[#log - max + 1] + window or 0
  end
  if sum == 0 then return say('NOTHING counts: it is not limited.') end
  if sum < max then return say('FREE: %d of %d in %s.', sum, max, span(window)) end
  if kind == 'forgot_email' then
    return say('QUIET: %d of %d resets in %s. More are answered the same, and not mailed. The next mail goes %s. %s',
      sum, max, span(window), till(free), 'What helps: wait, or lua/ops/unlock.lua.')
  end
  say('REFUSED: %d of %d in %s. The next one is taken %s. What helps: wait, or lua/ops/unlock.lua.', sum, max,
    span(window), till(free))
end

local function inspect_login()
  local login, there = hash(KEYS[1])
  local wrong, max, over = number(login.wrong), limits['login_account.max'], number(login['until'])
  say('login_account of %s', login.who or id)
  if not there then return say('NOTHING counts: it may log in.') end
  local wait, longest = limits['login_account.wait'], limits['login_account.wait_max']
  wait = math.min(wait * 2 ^ math.max(wrong + 1 - max, 0), longest)
  if over > now then
    say('WAITS after %s. Ends %s. %s', many(wrong, 'wrong try', 'wrong tries'), till(over),
      'What helps: wait, a reset of the password, or lua/ops/unlock.lua.')
  elseif wrong + 1 < max then
    say('FREE: %s; the %s starts a wait.', many(wrong, 'wrong try', 'wrong tries'), nth(max))
  else
    say('FREE for one try: %s; one more starts a wait of %s.', many(wrong, 'wrong try', 'wrong tries'), span(wait))
  end
  say('Forgotten %s, unless there is another.', till(now + redis.call('PTTL', KEYS[1])))
end

local function inspect_account(user)
  local account, there = hash(of('account', user))
  local sessions, reset = {}, hash(of('reset', user))
  for name, value in pairs(account) do
    local created, expires = string.match(value, '^(%d+) (%d+)$')
    if created and number(expires) > now then
      sessions[#sessions + 1] = {id = name, created = number(created), expires = number(expires)}
    end
  end
  table.sort(sessions, function(a, b) return a.created > b.created end)
  say('account %s%s', user, account.role and ', role ' .. account.role or '')
  if not there and not reset.asked then
    unknown(user, 'no session of it has lived since Redis has its data.')
  else
    say('%s: %s live%s.', #sessions > 0 and 'LOGGED IN' or 'LOGGED OUT', many(#sessions, 'session'),
      account.version and '; the password is at version ' .. account.version or '')
  end
  for n = 1, math.min(#sessions, 10) do
    local used = redis.call('HGET', of('session', sessions[n].id), 'used')
    say('Session %s: begun %s, last log-in or refresh %s, ends %s.', sessions[n].id, at(sessions[n].created),
      used and at(number(used)) or 'unknown, for its hash is gone: it is over', till(sessions[n].expires))
  end
  if #sessions > 10 then say('And %d older ones.', #sessions - 10) end
  if reset.asked then
    say('A link to reset the password was asked for %s: %s.', since(number(reset.asked)), reset.spent and 'spent or void'
      or 'it ends ' .. till(now + redis.call('PTTL', of('reset', user))))
  end
  mail('Reset mail', 'reset-' .. user)
  mail('Notice of a changed password', 'notice-' .. user)
end

local job, subject = string.match(id, '^(%l+)-(%x+)$')
local known = {link = inspect_link, otp = inspect_link, seat = inspect_link, mailed = inspect_link,
  account = inspect_account, reset = inspect_account, code = inspect_link, invitation = inspect_link,
  start = inspect_link, notice = inspect_account}
if kind == 'session' then
  local user, lives = redis.call('HGET', KEYS[1], 'user'), nil
  if not user then return {'session ' .. id, 'OVER: it has ended or expired, or never was.'} end
  lives = redis.call('HEXISTS', of('account', (string.gsub(user, '-', ''))), id) == 1
  say('session %s', id)
  say(lives and 'It lives, if its account lists it below.' or 'OVER: its account does not know it any more.')
  inspect_account((string.gsub(user, '-', '')))
elseif kind == 'job' and job == 'forgot' then
  say('a reset that was asked for %s', redis.call('HGET', KEYS[1], 'masked') or '(gone)')
  mail('The look for its account, in Postgres', id)
elseif kind == 'login_account' then
  inspect_login()
elseif limits[kind .. '.window'] and kind ~= 'otp_request' then
  inspect_limit()
elseif known[kind == 'job' and job or kind] then
  known[kind == 'job' and job or kind](kind == 'job' and subject or id)
else
  say('NO KEY that this script knows: %s', kind)
end
return lines
