#!lua
-- Lead no longer, so that somebody else may at once.
-- KEYS  1 leader    ARGV  1 token of this process

local held = redis.call('GET', KEYS[1])
if held and string.match(held, '^%d+ (%S+) ') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
