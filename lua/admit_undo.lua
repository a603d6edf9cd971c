#!lua flags=allow-oom
-- give one request back to an exact sliding log: it was none of those that are limited
--
-- KEYS[1]  hash of what was admitted: log ("ms-nonce ..."), who
-- ARGV[1]  nonce  of the decision that counted it
--
-- Returns {word}
--   {"returned"}  not counted any more
--   {"absent"}    forgotten or returned already
local log = redis.call('HGET', KEYS[1], 'log') or ''
local kept, nonce = {}, string.sub(ARGV[1], 1, 12)
local found = false
for entry, by in string.gmatch(log, '(%d+-(%x+))') do
  if by == nonce then found = true else kept[#kept + 1] = entry end
end
if not found then return {'absent'} end
if #kept == 0 then
  redis.call('DEL', KEYS[1])
else
  redis.call('HSET', KEYS[1], 'log', table.concat(kept, ' '))
end
return {'returned'}
