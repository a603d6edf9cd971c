#!lua
-- spend a reset token, and end every session of its user
--
-- What is spent stays until it expires: the job that made it may be delivered again.
--
-- KEYS[1]  hash of the user's reset token
-- KEYS[2]  hash of the account
-- ARGV[1]  digest  of the token that is presented
-- ARGV[2]  nonce   of this decision
--
-- Returns {word, ...}
--   {"taken", version, session...}  of the password that it may replace; sessions that ended
--   {"bad"}                         unknown, expired, used or superseded
local reset = redis.call('HMGET', KEYS[1], 'digest', 'version', 'spent')
if reset[1] ~= ARGV[1] or (reset[3] and reset[3] ~= ARGV[2]) then return {'bad'} end
redis.call('HSET', KEYS[1], 'spent', ARGV[2])
local taken = {'taken', tonumber(reset[2])}
local fields = redis.call('HGETALL', KEYS[2])
for i = 1, #fields, 2 do
  if string.find(fields[i + 1], '^%d+ %d+$') then
    redis.call('HDEL', KEYS[2], fields[i])
    taken[#taken + 1] = fields[i]
  end
end
return taken
