#!lua
-- count one request of a client against a sliding window
--
-- The window is 12 sub-windows and the partial one before them: any span of the
-- window's length lies inside the 13 that are summed, so none admits more than max.
--
-- KEYS[1]  hash of the client's counters, a field for each sub-window, by its beginning in unix ms
-- ARGV[1]  max     requests admitted in any window
-- ARGV[2]  window  its length in ms
-- ARGV[3]  who     the client, masked, for the engineer
-- ARGV[4]  nonce   of this decision
--
-- Returns {word, remaining, ms}
--   {"admitted", remaining, ms}  counted; ms until the oldest sub-window is forgotten
--   {"refused", 0, ms}           not counted; ms until a request would be admitted
local max, window, who, nonce = 0 + ARGV[1], 0 + ARGV[2], ARGV[3], ARGV[4]
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local width = math.ceil(window / 12)
local current = now - now % width
local first = current - 12 * width

-- A sub-window is named by its beginning, which means the same to nodes of another width.
local sum, here, oldest, stale, newest = 0, 0, current, nil, nil
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local start = tonumber(fields[i])
  if start and start < first then
    stale = stale or {}
    stale[#stale + 1] = fields[i]
  elseif start then
    sum = sum + fields[i + 1]
    if start < oldest then oldest = start end
    if start == current then here = fields[i + 1] end
  elseif fields[i] == 'nonce' then
    newest = fields[i + 1]
  end
end

-- The reply to this very decision was lost: it stands.
if newest == nonce then return {'admitted', math.max(max - sum, 0), oldest + 13 * width - now} end
if sum >= max then
  local starts, leaving, counts = {}, sum - max + 1, {}
  for i = 1, #fields, 2 do
    local start = tonumber(fields[i])
    if start and start >= first then
      starts[#starts + 1] = start
      counts[start] = fields[i + 1]
    end
  end
  table.sort(starts)
  local nth = 0
  while leaving > 0 and nth < #starts do
    nth = nth + 1
    leaving = leaving - counts[starts[nth]]
  end
  return {'refused', 0, starts[nth] + 13 * width - now}
end

local field, count = string.format('%d', current), string.format('%d', here + 1)
if stale then redis.call('HDEL', KEYS[1], unpack(stale)) end
if here == 0 then
  redis.call('HSET', KEYS[1], field, count, 'nonce', nonce, 'who', who)
  redis.call('PEXPIREAT', KEYS[1], string.format('%d', current + 13 * width))
else
  redis.call('HSET', KEYS[1], field, count, 'nonce', nonce)
end
return {'admitted', max - sum - 1, oldest + 13 * width - now}
