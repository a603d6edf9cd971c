#!lua flags=no-writes
-- tell whether a candidate's session lives, changing nothing
--
-- The seat alone knows: what kills a link takes the seat with it, in one step, and a
-- session outlives the expiry of its link.
--
-- KEYS[1]  seat of the link's candidate
--
-- Returns {word, ...}
--   {"alive", interview, session}  ids; the session is the one that start hands out
--   {"gone"}                       revoked, reissued over, expired, or nobody has verified
local seat = redis.call('HMGET', KEYS[1], 'interview', 'session')
if not seat[1] or not seat[2] then return {'gone'} end
return {'alive', seat[1], seat[2]}
