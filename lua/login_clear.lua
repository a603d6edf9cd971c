#!lua flags=allow-oom
-- forget the wrong tries to log in under a name, whose owner has shown that it is theirs
--
-- KEYS[1]  hash of the name's tries
--
-- Returns {word}
--   {"cleared"}  nothing is counted
redis.call('DEL', KEYS[1])
return {'cleared'}
