#!lua
-- New entries of the outboxes, the best priority first.
-- KEYS  the outboxes that are asked    ARGV  1 group, 2 worker, 3 limit
-- Returns the entries of each outbox.

local left, taken = tonumber(ARGV[3]), {}
for outbox, stream in ipairs(KEYS) do
  taken[outbox] = {}
  if left > 0 then
    local reply = redis.call('XREADGROUP', 'GROUP', ARGV[1], ARGV[2], 'COUNT', left, 'STREAMS', stream, '>')
    if reply and reply[1] then
      taken[outbox] = reply[1][2]
      left = left - #taken[outbox]
    end
  end
end
return taken
