#!lua flags=no-writes,allow-cross-slot-keys
-- tell whom limits keep out or nearly do, the busiest first, by a bounded look at the keyspace, changing nothing
--
-- One call looks at some 2,000 keys and says with what cursor to go on. On a Cluster it looks at the node that it is
-- sent to: ask each primary, and leave out -c.
--
--   redis-cli --raw --eval lua/ops/top.lua , 0
--
-- ARGV[1]  cursor  0, or where the call before has ended
-- ARGV[2]  limits  where they are not the default ones, times in ms: "candidate_ip.max=200 candidate_ip.window=60000"
--
-- Returns {line...}: how far it has looked, then a line for each subject, 20 at most
local limits = {['candidate_ip.max'] = 120, ['candidate_ip.window'] = 60000, ['otp_request.max'] = 5,
  ['otp_request.window'] = 600000, ['login_account.max'] = 5, ['login_ip.max'] = 50, ['login_ip.window'] = 900000,
  ['signup_ip.max'] = 10, ['signup_ip.window'] = 3600000, ['forgot_email.max'] = 3, ['forgot_email.window'] = 900000,
  ['forgot_ip.max'] = 20, ['forgot_ip.window'] = 3600000, ['reset_ip.max'] = 20, ['reset_ip.window'] = 600000,
  ['invite_user.max'] = 1000, ['invite_user.window'] = 3600000}
for name, value in string.gmatch(ARGV[2] or '', '([%l_.]+)=(%d+)') do limits[name] = tonumber(value) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local keys_max, lines_max = 2000, 20

-- Of a log: how many are in the window, and when the first of them leaves it.
local function logged(log, window)
  local count, first = 0, nil
  for word in string.gmatch(log or '', '%S+') do
    local ms = tonumber(string.match(word, '^%d+'))
    if now - ms < window then count, first = count + 1, first or ms end
  end
  return count, first and first + window or 0
end

-- Of the subject behind a key: who, how much of how much, and until when it is kept out.
local function look(kind, key)
  local max, window = limits[kind .. '.max'], limits[kind .. '.window']
  if kind == 'otp' then
    local otp = redis.call('HMGET', key, 'until', 'locks', 'asked')
    local lock = tonumber(otp[1] or 0)
    if lock > now then return 'a link', 'lock', tonumber(otp[2]), 1, lock end
    local count, free = logged(otp[3], limits['otp_request.window'])
    return 'a link', 'codes', count, limits['otp_request.max'], free
  elseif kind == 'login_account' then
    local login = redis.call('HMGET', key, 'who', 'wrong', 'until')
    return login[1], 'wrong tries', tonumber(login[2] or 0), max, tonumber(login[3] or 0)
  elseif kind == 'candidate_ip' or kind == 'invite_user' then
    local fields, who, count, first, width = redis.call('HGETALL', key), nil, 0, nil, math.ceil(window / 12)
    for i = 1, #fields, 2 do
      local start = tonumber(fields[i])
      if fields[i] == 'who' then who = fields[i + 1] end
      if start and start >= math.floor(now / width) * width - 12 * width then
        count, first = count + tonumber(fields[i + 1]), math.min(first or start, start)
      end
    end
    return who, 'requests', count, max, (first or 0) + 13 * width
  end
  local found = redis.call('HMGET', key, 'who', 'log')
  local count, free = logged(found[2], window)
  return found[1], 'requests', count, max, free
end

local cursor, seen, subjects = ARGV[1] or '0', 0, {}
repeat
  local page = redis.call('SCAN', cursor, 'COUNT', '500')
  cursor, seen = page[1], seen + #page[2]
  for _, key in ipairs(page[2]) do
    local kind = string.match(key, '^[^:]+:([%l_]+):{%x%x}:%x+$')
    if kind == 'otp' or kind and limits[kind .. '.max'] then
      local who, what, count, max, free = look(kind, key)
      -- Half of a limit is no news.
      if count * 2 > max then
        subjects[#subjects + 1] = {key = key, who = who or '?', what = what, count = count, max = max, free = free}
      end
    end
  end
until cursor == '0' or seen >= keys_max
table.sort(subjects, function(a, b)
  if a.count * b.max ~= b.count * a.max then return a.count * b.max > b.count * a.max end
  return a.free > b.free
end)

local lines = {string.format('Looked at %d of about %d keys; %s.', seen, redis.call('DBSIZE'),
  cursor == '0' and 'that was all' or 'go on with cursor ' .. cursor)}
for n = 1, math.min(#subjects, lines_max) do
  local s = subjects[n]
  local out = s.count >= s.max and s.free > now
  lines[#lines + 1] = string.format('%s %s: %s, %d of %d%s', s.key, s.who, s.what, s.count, s.max,
    out and string.format(': OUT for %d s', math.ceil((s.free - now) / 1000)) or '')
end
if #subjects > lines_max then lines[#lines + 1] = string.format('And %d more.', #subjects - lines_max) end
return lines
