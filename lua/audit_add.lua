#!lua
-- add events to the trail of a partition, which keeps the newest
--
-- KEYS[1]  stream of the partition
-- ARGV[1]  nonce   of this decision, which its last entry bears
-- ARGV[2]  keep    entries, or a few more: whole nodes of the stream go
-- ARGV[3]  life    of the stream in ms after its newest entry
-- ARGV[4]  events  JSON: a list of lists of names and values
--
-- Returns {word}
--   {"added"}  now, or by the try whose reply was lost
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local events = cjson.decode(ARGV[4])

-- A decision is asked for again within seconds: what is older is of others.
local lately = redis.call('XREVRANGE', KEYS[1], '+', string.format('%.0f', now - 10000), 'COUNT', '256')
for _, entry in ipairs(lately) do
  local fields = entry[2]
  if fields[#fields - 1] == 'batch' and fields[#fields] == ARGV[1] then return {'added'} end
end

local last = events[#events]
last[#last + 1], last[#last + 2] = 'batch', ARGV[1]
for _, event in ipairs(events) do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', unpack(event))
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return {'added'}
