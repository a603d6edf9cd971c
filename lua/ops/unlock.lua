#!lua
-- end the cooldown of a link and give its candidate three attempts back
--
--   redis-cli --eval lua/ops/unlock.lua vb:otp:{0a}:<link>
--
-- It forgives no more than that: the count of wrong codes in all stays, and where it was
-- locked a fresh code must be asked for.
--
-- KEYS[1]  hash of the link's code and counters
--
-- Returns {word, n}
--   {"unlocked", total}  wrong codes in all, which stand
--   {"absent", 0}        there is no such key
if redis.call('EXISTS', KEYS[1]) == 0 then return {'absent', 0} end
redis.call('HDEL', KEYS[1], 'until', 'wrong', 'locks', 'misses')
return {'unlocked', tonumber(redis.call('HGET', KEYS[1], 'total') or 0)}
