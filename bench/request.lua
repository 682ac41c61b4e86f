-- One small JSON POST, over and over; or one per route, in turn. Arguments: API key ("" for none), number of routes.
local requests = {}
local turn = 0

function init(args)
  wrk.method = "POST"
  wrk.body = '{"message":"hello","sequence":12345}'
  wrk.headers["Content-Type"] = "application/json"
  if args[1] ~= "" then wrk.headers["X-API-Key"] = args[1] end
  for route = 1, tonumber(args[2]) do
    -- A stride that shares no factor with the number of routes visits them all, never two neighbours in a row.
    requests[route] = wrk.format(nil, "/r" .. ((route * 7919) % tonumber(args[2])) .. "/items")
  end
  if #requests == 0 then requests[1] = wrk.format() end
end

function request()
  turn = turn % #requests + 1
  return requests[turn]
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\nRESULT {"requests":%d,"micros":%d,"refused":%d,"broken":%d,"p50":%d,"p99":%d}\n',
    summary.requests, summary.duration, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(99)))
end
