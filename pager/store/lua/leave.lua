#!lua
-- Entries that are pending for a worker become those of a name that nobody has.
-- KEYS  1 stream    ARGV  1 group, 2 the worker, 3 that name, 4.. ids

for k = 4, #ARGV do
  if #redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[k], ARGV[k], 1, ARGV[2]) > 0 then
    redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[3], 0, ARGV[k], 'JUSTID')
  end
end
