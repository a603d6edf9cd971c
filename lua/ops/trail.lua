#!lua flags=no-writes
-- tell what has happened to one subject, the newest first, out of the audit trail of its partition, changing nothing
--
--   redis-cli --raw --eval lua/ops/trail.lua 'vb:audit:{0c}' , <link>
--
-- KEYS[1]  trail of a partition
-- ARGV[1]  subject  the id in the key of a link, a user or a name
--
-- Returns {line...}: 20 events at most, of the newest 1,000 of the partition
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local newest, shown = '1000', 20
local function span(ms)
  local s = math.floor(math.abs(ms) / 1000)
  local d, h = math.floor(s / 86400), math.floor(s % 86400 / 3600)
  if d > 0 then return string.format('%d d %d h', d, h) end
  if h > 0 then return string.format('%d h %d min', h, math.floor(s % 3600 / 60)) end
  return s >= 60 and string.format('%d min %d s', math.floor(s / 60), s % 60) or string.format('%d s', s)
end

local lines = {}
for _, entry in ipairs(redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', newest)) do
  local event = {name = entry[2][1]}
  for name, value in string.gmatch(entry[2][2], '([%l_]+)=(%S+)') do event[name] = value end
  if event.subject == ARGV[1] and #lines < shown then
    lines[#lines + 1] = string.format('%s ago: %s, %s%s%s', span(now - (tonumber(event.at) or now)), event.name,
      event.who or '?', event.client and ', from ' .. event.client or '', event.by and ', by ' .. event.by or '')
  end
end
if #lines == 0 then return {'NOTHING of it is among the newest events here.'} end
return lines
