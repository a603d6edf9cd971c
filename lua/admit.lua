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
local max, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local width = math.ceil(window / 12)
local current = math.floor(now / width) * width

-- A sub-window is named by its beginning, which means the same to nodes of another width.
local counts, starts, stale, sum, nonce = {}, {}, {}, 0, nil
local fields = redis.call('HGETALL', KEYS[1])
for i = 1, #fields, 2 do
  local start = tonumber(fields[i])
  if start and start < current - 12 * width then
    stale[#stale + 1] = fields[i]
  elseif start then
    starts[#starts + 1] = start
    counts[start] = tonumber(fields[i + 1])
    sum = sum + counts[start]
  elseif fields[i] == 'nonce' then
    nonce = fields[i + 1]
  end
end

-- ms until so many of the counted requests have left the window
local function wait_for(leaving)
  table.sort(starts)
  for _, start in ipairs(starts) do
    leaving = leaving - counts[start]
    if leaving <= 0 then return start + 13 * width - now end
  end
  return 13 * width
end

if nonce == ARGV[4] then return {'admitted', math.max(max - sum, 0), wait_for(1)} end
if sum >= max then return {'refused', 0, wait_for(sum - max + 1)} end

local field = string.format('%.0f', current)
if not counts[current] then starts[#starts + 1] = current end
counts[current] = (counts[current] or 0) + 1
if #stale > 0 then redis.call('HDEL', KEYS[1], unpack(stale)) end
redis.call('HSET', KEYS[1], field, string.format('%d', counts[current]), 'who', ARGV[3], 'nonce', ARGV[4])
redis.call('PEXPIRE', KEYS[1], string.format('%.0f', 13 * width))
return {'admitted', max - sum - 1, wait_for(1)}
