#!lua
-- Change what the rota depends on besides the config, say so in the audit, and wake who follows it.
-- KEYS  1 version, 2 overrides or silences, 3 calendars, 4 audit, 5 fence
-- ARGV  1 wake channel, 2 fencing token or empty, 3 entries for the audit or empty, 4 what is done, and to what:
--   add NUMBER VALUE     an override, or a silence, comes
--   remove NUMBER        it goes
--   instead NUMBER OLD NEW  it is changed, if it is still as it was read
--   drop VALUE...        those go that are still as they were read
--   calendar NAME VALUE  it was read anew; an empty value: it is not wanted any more
-- Returns 1; 0 where there is no such one; -1 where a later leader was here.

local call = redis.call
local what, name, value = ARGV[4], ARGV[5], ARGV[6]
if ARGV[2] ~= '' and tonumber(call('GET', KEYS[5]) or '0') > tonumber(ARGV[2]) then return -1 end
local there = what == 'remove' and call('ZRANGEBYSCORE', KEYS[2], name, name) or nil
if there and #there == 0 then return 0 end
if what == 'instead' and not call('ZSCORE', KEYS[2], value) then return 0 end

if ARGV[2] ~= '' then call('SET', KEYS[5], ARGV[2]) end
if what == 'add' then
  call('ZADD', KEYS[2], name, value)
elseif what == 'remove' then
  call('ZREM', KEYS[2], unpack(there))
elseif what == 'instead' then
  call('ZREM', KEYS[2], value)
  call('ZADD', KEYS[2], name, ARGV[7])
elseif what == 'drop' then
  call('ZREM', KEYS[2], unpack(ARGV, 5))
else
  if value ~= '' then
    call('HSET', KEYS[3], name, value)
  else  -- by what pagerd may do already: an upgrade must not need another right
    local kept, left = call('HGETALL', KEYS[3]), {}
    for k = 1, #kept, 2 do
      if kept[k] ~= name then
        left[#left + 1] = kept[k]
        left[#left + 1] = kept[k + 1]
      end
    end
    call('DEL', KEYS[3])
    if #left > 0 then call('HSET', KEYS[3], unpack(left)) end
  end
end
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
-- At least the time, so that it changes also where a failover lost the last one.
call('SET', KEYS[1], string.format('%d', math.max(now, tonumber(call('GET', KEYS[1]) or '0') + 1)))
if ARGV[3] ~= '' then call('XADD', KEYS[4], '*', '0', ARGV[3]) end
call('PUBLISH', ARGV[1], what)
return 1
