#!lua
-- Move entries to the dead letters.
-- KEYS  1 stream, 2 dead letters, 3 retried    ARGV  1 group, then of each entry: where it stands, its first id, the reason
-- Lua can't pass on more than some 8,000 values: of an entry with more fields than that, the first ones are kept.

local most = 7000
for k = 2, #ARGV, 3 do
  local stands, id, reason = ARGV[k], ARGV[k + 1], ARGV[k + 2]
  local found = redis.call('XRANGE', KEYS[1], stands, stands)[1]
  if redis.call('XACK', KEYS[1], ARGV[1], stands) == 1 and found then
    local kept, fields = { 'pagerd-id', id, 'pagerd-reason', reason }, found[2]
    for f = 1, math.min(#fields, most), 2 do
      if fields[f] ~= 'pagerd-id' and fields[f] ~= 'pagerd-reason' then
        kept[#kept + 1] = fields[f]
        kept[#kept + 1] = fields[f + 1]
      end
    end
    redis.call('XADD', KEYS[2], '*', unpack(kept))
  end
  redis.call('XDEL', KEYS[1], stands)
  redis.call('ZREM', KEYS[3], id)
end
return redis.status_reply('OK')
