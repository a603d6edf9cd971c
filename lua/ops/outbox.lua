#!lua flags=no-writes
-- tell what waits in a queue and why, and what of it was refused for good, changing nothing
--
-- The queues are mail, starts and resets, one of each in a partition. The jobs are named here, against the rule that
-- scripts name no key: nobody can type twenty of them.
--
--   for p in 0 1 2 3 4 5 6 7 8 9 a b c d e f; do
--     redis-cli --raw --eval lua/ops/outbox.lua "vb:mail:{0$p}"; done
--
-- KEYS[1]  queue of a partition
--
-- Returns {line...}: how many wait, the 20 that are due the longest, and the newest 10 that were refused
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local shown, refused_shown = '19', 10
local queues = {code = 'mail', invitation = 'mail', reset = 'mail', notice = 'mail', start = 'starts',
  forgot = 'resets'}
local prefix, queue, place = string.match(KEYS[1], '^(.+):(%l+):({%x%x})$')
if queue ~= 'mail' and queue ~= 'starts' and queue ~= 'resets' then
  return {'NO QUEUE: they are mail, starts and resets, as vb:mail:{0a}.'}
end

local function span(ms)
  local s = math.floor(math.abs(ms) / 1000)
  if s >= 3600 then return string.format('%d h %d min', math.floor(s / 3600), math.floor(s % 3600 / 60)) end
  return s >= 60 and string.format('%d min %d s', math.floor(s / 60), s % 60) or string.format('%d s', s)
end

local lines = {string.format('%s: %d waiting', KEYS[1], redis.call('ZCARD', KEYS[1]))}
local jobs = redis.call('ZRANGE', KEYS[1], '0', shown, 'WITHSCORES')
for i = 1, #jobs, 2 do
  local job = string.format('%s:job:%s:%s', prefix, place, jobs[i])
  local found = redis.call('HMGET', job, 'masked', 'tries', 'tried', 'why', 'claim', 'version')
  local wait = tonumber(jobs[i + 1]) - now
  local due = wait > 0 and 'due in ' .. span(wait) or 'due since ' .. span(wait)
  local state = not found[6] and 'GONE: expired or superseded; the next look drops it'
    or found[3] and string.format('DEFERRED after %s failed, the last one %s ago: %s',
      found[2] == '1' and '1 try' or found[2] .. ' tries', span(now - tonumber(found[3])), found[4] or '?')
    or found[5] and wait > 0 and 'UNDER WAY: a node has taken it'
    or 'NOT TRIED yet'
  lines[#lines + 1] = string.format('%s%s, %s, ends in %s. %s', jobs[i], found[1] and ' to ' .. found[1] or '', due,
    span(math.max(redis.call('PTTL', job), 0)), state)
end

local told = 0
for _, line in ipairs(redis.call('LRANGE', string.format('%s:refused:%s', prefix, place), '0', '-1')) do
  local at, job, kind, rest = string.match(line, '^(%d+) ((%l+)%S*) (.*)$')
  if kind and queues[kind] == queue and told < refused_shown then
    told = told + 1
    lines[#lines + 1] = string.format('REFUSED %s ago: %s to %s', span(now - tonumber(at)), job, rest)
  end
end
return lines
