#!lua
-- add the record of a link, read from Postgres, if there is none
--
-- Only if there is none: a reader that loaded the row just before it was revoked
-- must not bring a dead link back.
--
-- KEYS[1]  hash of the link
-- ARGV[1]  interview  id
-- ARGV[2]  session    id of the session that a start opens
-- ARGV[3]  name       of the candidate
-- ARGV[4]  position   that the interview is for
-- ARGV[5]  masked     address, as it may be shown
-- ARGV[6]  to         address, sealed
-- ARGV[7]  minutes    length of the interview
-- ARGV[8]  expires    unix ms
-- ARGV[9]  started    unix ms, or empty
-- ARGV[10] keep       ms that the record outlives the link
--
-- Returns {word}
--   {"added"}    stored
--   {"present"}  there was one, dead or alive; it stands
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
if redis.call('EXISTS', KEYS[1]) == 1 then return {'present'} end

-- A link that is over is remembered for an hour, so that its visitors do not reach Postgres.
local life = math.max(tonumber(ARGV[8]) + tonumber(ARGV[10]) - now, 3600000)
redis.call('HSET', KEYS[1], 'state', 'live', 'interview', ARGV[1], 'session', ARGV[2],
  'name', ARGV[3], 'position', ARGV[4], 'masked', ARGV[5], 'to', ARGV[6],
  'minutes', ARGV[7], 'expires', ARGV[8])
if ARGV[9] ~= '' then redis.call('HSET', KEYS[1], 'started', ARGV[9]) end
redis.call('PEXPIRE', KEYS[1], string.format('%d', life))
return {'added'}
