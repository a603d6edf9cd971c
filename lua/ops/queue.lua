#!lua flags=no-writes
-- show what waits in a queue, changing nothing
--
--   redis-cli --eval lua/ops/queue.lua vb:mail:{0a}
--
-- KEYS[1]  queue of a partition
--
-- Returns {line...}: the first 20 jobs, "<id> due in <ms> ms", the longest due first
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local lines = {string.format('%d waiting', redis.call('ZCARD', KEYS[1]))}
local jobs = redis.call('ZRANGE', KEYS[1], '0', '19', 'WITHSCORES')
for i = 1, #jobs, 2 do
  lines[#lines + 1] = string.format('%s due in %.0f ms', jobs[i], tonumber(jobs[i + 1]) - now)
end
return lines
