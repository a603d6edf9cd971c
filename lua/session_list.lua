#!lua flags=no-writes
-- list the living sessions of a user, the newest first, changing nothing
--
-- KEYS[1]  hash of the account
--
-- Returns {word, session...}
--   {"sessions", session...}  their ids
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local living = {}
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local created, expires = string.match(fields[i + 1], '^(%d+) (%d+)$')
  if created and tonumber(expires) > now then living[#living + 1] = {id = fields[i], created = tonumber(created)} end
end
table.sort(living, function(a, b) return a.created > b.created end)
local reply = {'sessions'}
for _, session in ipairs(living) do reply[#reply + 1] = session.id end
return reply
