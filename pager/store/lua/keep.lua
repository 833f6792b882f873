#!lua
-- Write what only the leader may write.
-- KEYS  1 fence, 2 what is kept    ARGV  1 fencing token, 2 its value
-- Returns 1, or 0 when a later leader was here.

if tonumber(redis.call('GET', KEYS[1]) or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('SET', KEYS[2], ARGV[2])
return 1
