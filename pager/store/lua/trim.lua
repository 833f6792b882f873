#!lua
-- Drop old audit entries, for the leader.
-- KEYS  1 fence, 2 audit    ARGV  1 fencing token, 2 milliseconds before which they go
-- Returns 1, or 0 when a later leader was here.

if tonumber(redis.call('GET', KEYS[1]) or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
redis.call('XTRIM', KEYS[2], 'MINID', '~', ARGV[2])
return 1
