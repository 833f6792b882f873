#!lua
-- Incidents without a deadline become due now, unless they changed since they were looked at.
-- KEYS  1 deadlines, then incidents    ARGV  1 wake channel, then of each incident: number, how its value begins
-- Returns the numbers repaired.

local time = redis.call('TIME')
local now = string.format('%d', tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000))
local repaired = {}
for k = 2, #KEYS do
  local number, begins = ARGV[2 * k - 2], ARGV[2 * k - 1]
  local same = redis.call('GETRANGE', KEYS[k], 0, #begins - 1) == begins
  if same and redis.call('ZADD', KEYS[1], 'NX', now, number) == 1 then repaired[#repaired + 1] = number end
end
if #repaired > 0 then redis.call('PUBLISH', ARGV[1], now) end
return repaired
