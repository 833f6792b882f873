#!lua
-- Right before sends: whose the entries are, whether a send of the same attempt was begun, and the incidents as they stand.
-- KEYS  1-4 outboxes, then an incident an entry, then a mark for each entry that has one
-- ARGV  1 group, 2 worker, 3 token of this process, 4 seconds that marks are kept, 5 entries, then of each: priority, id, whether it has a mark
-- Returns the time as {seconds, microseconds}, a letter an entry (Not ours, Fresh, Begun before), and the incidents.

local group, worker, token = ARGV[1], ARGV[2], ARGV[3]
local count = tonumber(ARGV[5])
local mark, letters = 4 + count, {}
for k = 1, count do
  local priority, id, marked = tonumber(ARGV[3 + 3 * k]), ARGV[4 + 3 * k], ARGV[5 + 3 * k] == '1'
  if marked then mark = mark + 1 end
  local pending = redis.pcall('XPENDING', KEYS[1 + priority], group, id, id, 1, worker)
  if pending.err or #pending == 0 then
    letters[k] = 'N'
  elseif not marked then
    letters[k] = 'F'
  else
    -- The mark names the process and the entry: when an answer of this script was lost, asking again is not beginning again.
    local mine = token .. ':' .. id
    local before = redis.call('SET', KEYS[mark], mine, 'NX', 'GET', 'EX', ARGV[4])
    letters[k] = (not before or before == mine) and 'F' or 'B'
  end
end
return { redis.call('TIME'), table.concat(letters), redis.call('MGET', unpack(KEYS, 5, 4 + count)) }
