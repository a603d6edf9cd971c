#!lua
-- add events to the trail of a partition, which keeps the newest
--
-- KEYS[1]  stream of the partition
-- KEYS[2]  there once this decision has been taken
-- ARGV[1]  keep     entries, or a few more: whole nodes of the stream go
-- ARGV[2]  life     of the stream in ms after its newest entry
-- ARGV[3]  decided  ms for which this decision may be asked for again
-- ARGV[4]  events   a line each: its name, and " name=value" of what is told of it
--
-- Returns {word}
--   {"added"}  now, or by the try whose reply was lost
if redis.call('EXISTS', KEYS[2]) == 1 then return {'added'} end

local added = 0
for event, told in string.gmatch(ARGV[4], '(%S+) ([^\n]+)\n') do
  redis.call('XADD', KEYS[1], '*', event, told)
  added = added + 1
end
redis.call('XTRIM', KEYS[1], 'MAXLEN', '~', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
redis.call('HSET', KEYS[2], 'events', string.format('%d', added))
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return {'added'}
