#!lua
-- Lease what is due to the caller.
-- KEYS  1 deadlines    ARGV  1 lease in milliseconds, 2 limit, 3 milliseconds that others may take it first
-- Returns the time as {seconds, microseconds}, the fence, and {number, score it had, ...}.

local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local fence = string.format('%d', now + tonumber(ARGV[1]))
local due = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%d', now - tonumber(ARGV[3])), 'WITHSCORES', 'LIMIT', 0, ARGV[2])
local leased = {}
for k = 1, #due, 2 do
  leased[k], leased[k + 1] = fence, due[k]
end
if #leased > 0 then redis.call('ZADD', KEYS[1], unpack(leased)) end
return { time, fence, due }
