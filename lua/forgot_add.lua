#!lua
-- queue a request for a reset, for the worker that may look the address up
--
-- KEYS[1]  hash of what the address was admitted: log ("ms-nonce ..."), who
-- KEYS[2]  the job; one that still waits is replaced
-- KEYS[3]  queue of such jobs in the partition
-- ARGV[1]  nonce   of this decision, and version of the job
-- ARGV[2]  max     requests admitted in any window
-- ARGV[3]  window  its length in ms
-- ARGV[4]  who     the address, masked
-- ARGV[5]  job     id in the queue
-- ARGV[6]  sealed  the address
-- ARGV[7]  life    of the job in ms
-- ARGV[8]  room    jobs that may wait in a partition
--
-- Returns {word}
--   {"queued"}  due now
--   {"quiet"}   too many for this address: nothing is sent
--   {"full"}    too many wait
local max, window, nonce = tonumber(ARGV[2]), tonumber(ARGV[3]), string.sub(ARGV[1], 1, 12)
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)

local recent = {}
for entry, at, by in string.gmatch(redis.call('HGET', KEYS[1], 'log') or '', '((%d+)-(%x+))') do
  -- The reply to this very decision was lost: it stands.
  if by == nonce then return {'queued'} end
  if now - tonumber(at) < window then recent[#recent + 1] = entry end
end
if #recent >= max then return {'quiet'} end
local waiting = redis.call('ZCARD', KEYS[3])
if waiting >= tonumber(ARGV[8]) then return {'full'} end

local at = string.format('%d', now)
recent[#recent + 1] = at .. '-' .. nonce
redis.call('HSET', KEYS[1], 'log', table.concat(recent, ' '), 'who', ARGV[4])
redis.call('PEXPIRE', KEYS[1], ARGV[3])

redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'version', ARGV[1], 'tries', '0', 'masked', ARGV[4], 'sealed', ARGV[6], 'asked', at)
redis.call('PEXPIRE', KEYS[2], ARGV[7])
redis.call('ZADD', KEYS[3], at, ARGV[5])
redis.call('PEXPIRE', KEYS[3], ARGV[7], waiting == 0 and 'NX' or 'GT')
return {'queued'}
