#!lua
-- let a verified candidate into the interview, and queue the time for Postgres
--
-- KEYS[1]  hash of the link
-- KEYS[2]  seat of its candidate's session
-- KEYS[3]  job that writes the start to Postgres
-- KEYS[4]  queue of such jobs in the partition
-- ARGV[1]  nonce  of this decision
-- ARGV[2]  job    id of the job in the queue
-- ARGV[3]  room   jobs that may wait in a partition
-- ARGV[4]  life   of the job in ms
--
-- Returns {word, ...}
--   {"unknown"}                no record here: load it from Postgres and ask again
--   {"gone"}                   revoked or reissued over
--   {"vacant"}                 no session of a candidate here: verify again
--   {"full"}                   too many jobs wait
--   {"started", at, session}   for the first time; unix ms
--   {"rejoined", at, session}  it had started then
local t = redis.call('TIME')
local now = string.format('%d', t[1] * 1000 + math.floor(t[2] / 1000))
local link = redis.call('HMGET', KEYS[1], 'state', 'started', 'started_nonce', 'session')
if not link[1] then return {'unknown'} end
if link[1] ~= 'live' then return {'gone'} end
if redis.call('EXISTS', KEYS[2]) == 0 then return {'vacant'} end
if link[2] then
  return {link[3] == ARGV[1] and 'started' or 'rejoined', tonumber(link[2]), link[4]}
end
if redis.call('ZCARD', KEYS[4]) >= tonumber(ARGV[3]) then return {'full'} end

redis.call('HSET', KEYS[1], 'started', now, 'started_nonce', ARGV[1])
redis.call('HSET', KEYS[3], 'version', ARGV[1], 'tries', '0', 'session', link[4], 'started', now)
redis.call('PEXPIRE', KEYS[3], ARGV[4])
redis.call('ZADD', KEYS[4], now, ARGV[2])
redis.call('PEXPIRE', KEYS[4], ARGV[4])
return {'started', tonumber(now), link[4]}
