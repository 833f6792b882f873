#!lua
-- Move a dead letter back into the stream, under its first id.
-- KEYS  1 dead letters, 2 stream, 3 retried    ARGV  1 where it stands, 2 its first id, 3 the milliseconds of that
-- Returns 1, or 0 when it is not there.

local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])[1]
if not found then return 0 end
local kept, fields = { 'pagerd-id', ARGV[2] }, found[2]
for f = 1, #fields, 2 do
  if fields[f] ~= 'pagerd-id' and fields[f] ~= 'pagerd-reason' then
    kept[#kept + 1] = fields[f]
    kept[#kept + 1] = fields[f + 1]
  end
end
redis.call('ZADD', KEYS[3], ARGV[3], ARGV[2])
redis.call('XADD', KEYS[2], '*', unpack(kept))
redis.call('XDEL', KEYS[1], ARGV[1])
return 1
