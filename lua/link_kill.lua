#!lua flags=allow-oom
-- make a link dead at once: revoked, or reissued over
--
-- The dead record stays for an hour, far longer than any reader of the old row can
-- take to offer it. Repeating is safe.
--
-- KEYS[1]  hash of the link
-- KEYS[2]  hash of its code and counters
-- KEYS[3]  seat of its candidate's session
-- KEYS[4]  its waiting code mail
-- KEYS[5]  its waiting invitation mail
--
-- Returns {word}
--   {"killed"}  the link, its code and its session are gone
local t = redis.call('TIME')
redis.call('DEL', KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5])
redis.call('HSET', KEYS[1], 'state', 'dead', 'since', string.format('%d', t[1] * 1000 + math.floor(t[2] / 1000)))
redis.call('PEXPIRE', KEYS[1], '3600000')
return {'killed'}
