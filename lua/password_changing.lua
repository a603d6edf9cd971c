#!lua flags=allow-oom
-- end the other sessions of a user who is about to change the password, and let this one outlive the change
--
-- Before Postgres is told: whatever becomes of the change, whoever else was in is out. For
-- a moment this session passes as one of the coming password, so that a request of it in
-- between does not find itself behind.
--
-- KEYS[1]  hash of the session
-- KEYS[2]  hash of the account
-- ARGV[1]  session  id
-- ARGV[2]  version  that the password is going to have
-- ARGV[3]  moment   ms in which it may pass so
--
-- Returns {word, session...}
--   {"trusted", session...}  it goes on; those that ended, whose hashes can be dropped
--   {"gone"}                 ended, or expired: nothing is changed
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('HEXISTS', KEYS[2], ARGV[1]) == 0 or redis.call('EXISTS', KEYS[1]) == 0 then return {'gone'} end
redis.call('HSET', KEYS[1], 'coming', ARGV[2], 'coming_until', string.format('%d', now + tonumber(ARGV[3])))
local ended = {}
local fields = redis.call('HGETALL', KEYS[2])
for i = 1, #fields, 2 do
  if string.find(fields[i + 1], '^%d+ %d+$') and fields[i] ~= ARGV[1] then
    redis.call('HDEL', KEYS[2], fields[i])
    ended[#ended + 1] = fields[i]
  end
end
return {'trusted', unpack(ended)}
