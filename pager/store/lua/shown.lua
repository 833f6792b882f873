#!lua
-- An incident's chat messages were looked at: done, or due again where it has changed since. Somebody else's claim is left alone.
-- KEYS  1 boards, 2 the incident    ARGV  1 number, 2 fence, 3 how the incident's value began, 4 empty, or when to look again

local score = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not score or tonumber(score) ~= tonumber(ARGV[2]) then return 0 end
if ARGV[4] ~= '' then return redis.call('ZADD', KEYS[1], ARGV[4], ARGV[1]) end
local begins = redis.call('GETRANGE', KEYS[2], 0, #ARGV[3] - 1)
if begins == ARGV[3] or begins == '' then return redis.call('ZREM', KEYS[1], ARGV[1]) end
local time = redis.call('TIME')
return redis.call('ZADD', KEYS[1], string.format('%d', tonumber(time[1]) * 1000), ARGV[1])
