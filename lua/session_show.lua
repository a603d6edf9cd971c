#!lua flags=no-writes
-- tell of one session what its owner may know, changing nothing
--
-- KEYS[1]  hash of the session
--
-- Returns {word, ...}
--   {"session", created, used, device, address}  unix ms, unix ms, two texts
--   {"gone"}                                     ended or expired
local session = redis.call('HMGET', KEYS[1], 'created', 'used', 'device', 'address')
if not session[1] then return {'gone'} end
return {'session', tonumber(session[1]), tonumber(session[2]), session[3], session[4]}
