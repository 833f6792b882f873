#!lua
-- Drop resolved incidents with their log and, where it points to them, the record; unless any of it changed since it was looked at.
-- KEYS  1 resolved, 2 counts, then of each incident: its value, its log, its posts, its record
-- ARGV  of each incident: number, how its value begins, how its record begins (empty: keep the record)
-- Returns the numbers dropped.

local gone, dropped = {}, {}
for k = 0, #ARGV / 3 - 1 do
  local number, begins, record_begins = ARGV[3 * k + 1], ARGV[3 * k + 2], ARGV[3 * k + 3]
  local incident, log, posts, record = KEYS[4 * k + 3], KEYS[4 * k + 4], KEYS[4 * k + 5], KEYS[4 * k + 6]
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
  redis.call('ZREM', KEYS[1], unpack(dropped))
  redis.call('HINCRBY', KEYS[2], 'resolved', -#dropped)
end
return dropped
