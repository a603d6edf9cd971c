#!lua
-- add events to the trail of a partition, which keeps the newest
--
-- KEYS[1]  stream of the partition
-- KEYS[2]  there once this decision has been taken
-- ARGV[1]  keep     entries, or a few more: whole nodes of the stream go
-- ARGV[2]  life     of the stream in ms after its newest entry
-- ARGV[3]  decided  ms for which this decision may be asked for again
-- ARGV[4]  events   JSON: a list of lists of names and values
--
-- Returns {word}
--   {"added"}  now, or by the try whose reply was lost
local events = cjson.decode(ARGV[4])
if redis.call('EXISTS', KEYS[2]) == 1 then return {'added'} end

for _, event in ipairs(events) do
  redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[1], '*', unpack(event))
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], 'events', string.format('%d', #events))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {'added'}
