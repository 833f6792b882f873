#!lua
-- Become the leader, or stay it.
-- KEYS  1 leader, 2 the last token    ARGV  1 worker, 2 token of this process, 3 lease in milliseconds
-- Returns the fencing token, as text; empty while somebody else leads.

local held = redis.call('GET', KEYS[1])
if held then
  local token, process, worker = string.match(held, '^(%d+) (%S+) (.*)$')
  if worker ~= ARGV[1] then return '' end
  if process == ARGV[2] then
    redis.call('PEXPIRE', KEYS[1], ARGV[3])
    return token
  end
  -- The same worker, started again: what its last process has under way must not count any more.
end
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- At least the time, so that tokens grow also where a failover lost the last one.
local token = string.format('%d', math.max(now, tonumber(redis.call('GET', KEYS[2]) or '0') + 1))
redis.call('SET', KEYS[2], token)
redis.call('SET', KEYS[1], token .. ' ' .. ARGV[2] .. ' ' .. ARGV[1], 'PX', ARGV[3])
return token
