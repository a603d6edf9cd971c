#!lua flags=no-writes
-- tell whether a reset token would work, changing nothing
--
-- KEYS[1]  hash of the user's reset token
-- ARGV[1]  digest  of the token that is presented
--
-- Returns {word, version}
--   {"good", version}  of the password that it may replace
--   {"bad", 0}         unknown, expired, used or superseded
local reset = redis.call('HMGET', KEYS[1], 'digest', 'version', 'spent')
if reset[1] ~= ARGV[1] or reset[3] then return {'bad', 0} end
return {'good', tonumber(reset[2])}
