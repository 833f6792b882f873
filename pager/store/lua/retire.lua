#!lua
-- Drop resolved incidents with their log and, where it points to them, the record; unless any of it changed since it was looked at.
-- KEYS  1 fence, 2 resolved, 3 counts, then of each incident: its value, its log, its posts, its record
-- ARGV  1 fencing token, then of each incident: number, how its value begins, how its record begins (empty: keep the record)
-- Returns the numbers dropped, or 0 when a later leader was here.

if tonumber(redis.call('GET', KEYS[1]) or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
local gone, dropped = {}, {}
for k = 0, (#ARGV - 1) / 3 - 1 do
  local number, begins, record_begins = ARGV[3 * k + 2], ARGV[3 * k + 3], ARGV[3 * k + 4]
  local incident, log, posts, record = KEYS[4 * k + 4], KEYS[4 * k + 5], KEYS[4 * k + 6], KEYS[4 * k + 7]
  local same = redis.call('GETRANGE', incident, 0, #begins - 1) == begins
  local drops_record = record_begins ~= ''
  if same and drops_record then same = redis.call('GETRANGE', record, 0, #record_begins - 1) == record_begins end
  if same then
    dropped[#dropped + 1] = number
    gone[#gone + 1] = incident
    gone[#gone + 1] = log
    gone[#gone + 1] = posts
    if drops_record then gone[#gone + 1] = record end
  end
end
if #dropped > 0 then
  redis.call('DEL', unpack(gone))
  redis.call('ZREM', KEYS[2], unpack(dropped))
  redis.call('HINCRBY', KEYS[3], 'resolved', -#dropped)
end
return dropped
