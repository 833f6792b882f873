#!lua
-- What an absent worker left pending becomes the caller's; a worker that left nothing is forgotten.
-- KEYS  1 stream, 2 presence of that worker    ARGV  1 group, 2 the caller, 3 that worker, 4 limit
-- Returns the entries.

if redis.call('EXISTS', KEYS[2]) == 1 then return {} end
local pending = redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', ARGV[4], ARGV[3])
if #pending == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[3])
  return {}
end
local ids = {}
for k, entry in ipairs(pending) do ids[k] = entry[1] end
return redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, unpack(ids))
