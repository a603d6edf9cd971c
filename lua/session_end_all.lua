#!lua flags=allow-oom
-- end every session of a user
--
-- KEYS[1]  hash of the account
--
-- Returns {word, session...}
--   {"ended", session...}  those that ended, whose hashes can be dropped
local ended = {'ended'}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  if string.find(fields[i + 1], '^%d+ %d+$') then
    redis.call('HDEL', KEYS[1], fields[i])
    ended[#ended + 1] = fields[i]
  end
end
return ended
