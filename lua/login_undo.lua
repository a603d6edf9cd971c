#!lua flags=allow-oom
-- give back a try to log in that nobody could judge
--
-- KEYS[1]  hash of the name's tries
-- ARGV[1]  nonce  of the try
-- ARGV[2]  max    wrong tries, the last of which starts a wait
--
-- Returns {word}
--   {"returned"}  not counted any more; a wait that it had started is over
--   {"absent"}    cleared, forgotten or returned already
local login = redis.call('HMGET', KEYS[1], 'wrong', 'tries', 'by')
local from, to = string.find(login[2] or '', ' ' .. ARGV[1], 1, true)
if not from then return {'absent'} end
local wrong = tonumber(login[1]) - 1
if wrong <= 0 then
  redis.call('DEL', KEYS[1])
  return {'returned'}
end
local tries = string.sub(login[2], 1, from - 1) .. string.sub(login[2], to + 1)
redis.call('HSET', KEYS[1], 'wrong', string.format('%d', wrong), 'tries', tries)
if wrong < tonumber(ARGV[2]) or login[3] == ARGV[1] then redis.call('HDEL', KEYS[1], 'until', 'by') end
return {'returned'}
