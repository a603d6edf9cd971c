-- wrk --script wrk.lua URL -- FILE FIRST PAUSE: the requests of a file in turn, and one line of JSON at the end
local requests, turn, pause = {}, 0, 0

function init(args)
  turn, pause = tonumber(args[2]), tonumber(args[3])
  for line in io.lines(args[1]) do
    local method, path, header, body = line:match('^(.-)\t(.-)\t(.-)\t(.*)$')
    local headers = {['X-Forwarded-For'] = string.format('10.%d.%d.7', #requests / 250 % 250, #requests % 250)}
    local name, value = header:match('^(.-): (.*)$')
    if name then headers[name] = value end
    if body ~= '' then headers['Content-Type'] = 'application/json' end
    requests[#requests + 1] = wrk.format(method, path, headers, body ~= '' and body or nil)
  end
end

function request()
  turn = turn + 1
  return requests[(turn - 1) % #requests + 1]
end

-- Spread evenly around the pause: connections that began together would go on in step.
function delay()
  return pause > 0 and math.random(0, 2 * pause) or 0
end

function done(summary, latency)
  local errors = 0
  for _, count in pairs(summary.errors) do errors = errors + count end
  -- A text in the place of a number is no outcome.
  local requests = errors == 0 and tostring(summary.requests) or string.format('"%d of %d failed"', errors, summary.requests)
  print(string.format('{"requests":%s,"seconds":%f,"p50_us":%f,"p99_us":%f}',
    requests, summary.duration / 1e6, latency:percentile(50), latency:percentile(99)))
end
