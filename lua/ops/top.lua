#!lua flags=no-writes,allow-cross-slot-keys
-- tell whom limits keep out or nearly do, the busiest first, by a bounded look at the keyspace, changing nothing
--
-- One call looks at some 500 keys, for a few ms, and says with what cursor to go on: `vestibule top` goes on to the end.
-- So does this, of a million keys within a minute or two; on a Cluster, of each primary, for a call looks at the node that
-- it is sent to (leave out -c):
--
--   C=0; while [ "$C" ]; do T=$(redis-cli --raw --eval lua/ops/top.lua , $C); echo "$T" | sed '/^Looked/d'
--   C=$(echo "$T" | sed -n 's/^Looked.* cursor \([0-9]*\)\.$/\1/p'); sleep 0.01; done | sort -rn | head -n 20
--
-- The key of a name or a client is a keyed hash. By what it is shown as, it is found: `top.lua , $C '' 'j***@e***.com'`.
--
-- ARGV[1]  cursor  0, or where the call before has ended
-- ARGV[2]  limits  where they are not the default ones, times in ms: "candidate_ip.max=200 candidate_ip.window=60000"
-- ARGV[3]  who     masked: only of those, however little is counted; and their links
--
-- Returns {line...}: how far it has looked, then a line for each subject, 20 at most, by the share of its limit
local limits = {['candidate_ip.max'] = 120, ['candidate_ip.window'] = 60000, ['otp_request.max'] = 5,
  ['otp_request.window'] = 600000, ['login_account.max'] = 5, ['login_ip.max'] = 50, ['login_ip.window'] = 900000,
  ['signup_ip.max'] = 10, ['signup_ip.window'] = 3600000, ['forgot_email.max'] = 3, ['forgot_email.window'] = 900000,
  ['forgot_ip.max'] = 20, ['forgot_ip.window'] = 3600000, ['reset_ip.max'] = 20, ['reset_ip.window'] = 600000,
  ['invite_user.max'] = 1000, ['invite_user.window'] = 3600000}
for name, value in string.gmatch(ARGV[2] or '', '([%l_.]+)=(%d+)') do limits[name] = tonumber(value) end

local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
-- The bounds of a call: 10 x 50 keys, whether any of them is still there or not, or what is read of them.
local calls_max, page, bytes_max, lines_max = 10, '50', 131072, 20
local wanted, bytes = ARGV[3] or '', 0

-- Of a log, whose oldest entry is the first: how many are in the window, and when the first of them leaves it.
local function logged(log, window)
  local from, to, at = 1, 0, nil
  log = log or ''
  bytes = bytes + #log
  repeat
    from, to, at = string.find(log, '(%d+)%S*', to + 1)
  until not from or now - tonumber(at) < window
  if not from then return 0, 0 end
  local _, count = string.gsub(string.sub(log, from), '%S+', '')
  return count, tonumber(at) + window
end

-- Of the subject behind a key: who, how much of how much, and until when it is kept out.
local function look(kind, key)
  local max, window = limits[kind .. '.max'], limits[kind .. '.window']
  bytes = bytes + 100
  if kind == 'link' then
    return redis.call('HGET', key, 'masked'), 'a link', 0, 1, 0
  elseif kind == 'otp' then
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
    bytes = bytes + 16 * #fields
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

local cursor, seen, calls, subjects = ARGV[1] or '0', 0, 0, {}
repeat
  local found = redis.call('SCAN', cursor, 'COUNT', page)
  cursor, seen, calls = found[1], seen + #found[2], calls + 1
  for _, key in ipairs(found[2]) do
    local kind = string.match(key, '^[^:]+:([%l_]+):{%x%x}:%x+$')
    if kind and limits[kind .. '.max'] or kind == (wanted == '' and 'otp' or 'link') then
      local who, what, count, max, free = look(kind, key)
      -- Half of a limit is no news.
      if wanted == '' and count * 2 > max or wanted ~= '' and who == wanted then
        subjects[#subjects + 1] = {key = key, who = who or '?', what = what, count = count, max = max, free = free}
      end
    end
  end
until cursor == '0' or calls >= calls_max or bytes >= bytes_max
table.sort(subjects, function(a, b)
  if a.count * b.max ~= b.count * a.max then return a.count * b.max > b.count * a.max end
  return a.free > b.free
end)

local lines = {string.format('Looked at %d of about %d keys; %s.', seen, redis.call('DBSIZE'),
  cursor == '0' and 'that was all' or 'go on with cursor ' .. cursor)}
for n = 1, math.min(#subjects, lines_max) do
  local s = subjects[n]
  local out = s.count >= s.max and s.free > now
  lines[#lines + 1] = string.format('%d%% %s %s: %s, %d of %d%s', math.floor(s.count * 100 / s.max), s.key, s.who, s.what,
    s.count, s.max, out and string.format(': OUT for %d s', math.ceil((s.free - now) / 1000)) or '')
end
return lines
