#!lua
-- count one request against an exact sliding log, which is for limits that are small
--
-- KEYS[1]  hash of what was admitted: log ("ms-nonce ..."), who, told
-- ARGV[1]  max     requests admitted in any window
-- ARGV[2]  window  its length in ms
-- ARGV[3]  who     the subject, masked, for the engineer
-- ARGV[4]  nonce   of this decision
--
-- Returns {word, remaining, ms, ...}
--   {"admitted", remaining, ms}  counted; ms until the oldest is forgotten
--   {"refused", 0, ms, first}    not counted; ms until a request would be admitted; 1 once in a max-th of the window
local max, window, nonce = tonumber(ARGV[1]), tonumber(ARGV[2]), string.sub(ARGV[4], 1, 12)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local stored = redis.call('HMGET', KEYS[1], 'log', 'told')
local recent, mine = {}, false
for entry, at, by in string.gmatch(stored[1] or '', '((%d+)-(%x+))') do
  if now - tonumber(at) < window then
    recent[#recent + 1] = entry
    mine = mine or by == nonce
  end
end
local function until_free(nth)
  local entry = recent[nth]
  return entry and tonumber(string.match(entry, '^%d+')) + window - now or 0
end

-- The reply to this very decision was lost: it stands.
if mine then return {'admitted', math.max(max - #recent, 0), until_free(1)} end
if #recent >= max then
  -- A client that is refused a thousand times a second is news no oftener than one that is admitted.
  local at, by = string.match(stored[2] or '', '^(%d+)-(%x+)$')
  local again = at and by ~= nonce and now - tonumber(at) < window / max
  if not again then redis.call('HSET', KEYS[1], 'told', string.format('%d-%s', now, nonce)) end
  return {'refused', 0, until_free(#recent - max + 1), again and 0 or 1}
end

recent[#recent + 1] = string.format('%d-%s', now, nonce)
redis.call('HSET', KEYS[1], 'log', table.concat(recent, ' '), 'who', ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return {'admitted', max - #recent, until_free(1)}
