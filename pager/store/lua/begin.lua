#!lua
-- Right before sends: whose the entries are, whether a send of the same attempt was begun, and the incidents as they stand.
-- KEYS  1-4 outboxes, then an incident an entry, records that are to be read with them, then of each message its limits, the marks of its entries
--       that have one, its codes
-- ARGV  1 group, 2 worker, 3 token of this process, 4 seconds that marks are kept, 5 seconds that codes are kept, 6 entries, 7 records, 8 messages;
--       then of each message: 0 to look, 1 to begin it, 2 to begin it where the caller writes the marks; the page it goes by where it speaks for
--       several; how many limits, codes, entries; of each limit: the milliseconds between, how many at once; the codes' values; of each entry:
--       priority, id, whether it has a mark
-- Returns the time as {seconds, microseconds}, a letter an entry (Not ours, Fresh, Begun before, Waits), the incidents and records, the former mark
-- of each entry that was begun before, and the milliseconds that each message has to wait.

local call = redis.call
local group, worker, token = ARGV[1], ARGV[2], ARGV[3]
local entries, records, messages = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local key, a, n = 5 + entries + records, 9, 0
local letters, marks, waits = {}, {}, {}

-- A limit is the moment at which all that was begun is paid for; whoever comes within `burst` times `every` before it may go.
local function wait_for(limits)
  local longest = 0
  for _, limit in ipairs(limits) do
    local paid, most = tonumber(call('GET', limit.key) or now), now + limit.every * limit.burst
    if paid > most then  -- the clock was set back
      paid = most
      call('SET', limit.key, string.format('%d', paid), 'PX', string.format('%d', paid - now + 1000))
    end
    limit.paid = math.max(paid, now)
    longest = math.max(longest, limit.paid - limit.every * (limit.burst - 1) - now)
  end
  return longest
end

for message = 1, messages do
  local begins, marks_it, lead = ARGV[a] ~= '0', ARGV[a] == '1', ARGV[a + 1]
  local limited, coded, own = tonumber(ARGV[a + 2]), tonumber(ARGV[a + 3]), tonumber(ARGV[a + 4])
  a = a + 5
  local limits, mine = {}, {}
  for k = 1, limited do
    limits[k] = { key = KEYS[key], every = tonumber(ARGV[a]), burst = tonumber(ARGV[a + 1]) }
    key, a = key + 1, a + 2
  end
  local codes = a
  a = a + coded
  local ours, again = false, false  -- again: the answer to this very call was lost: it has its place
  for k = 1, own do
    local priority, id, marked = tonumber(ARGV[a]), ARGV[a + 1], ARGV[a + 2] == '1'
    a = a + 3
    local pending = redis.pcall('XPENDING', KEYS[1 + priority], group, id, id, 1, worker)
    local entry = { ours = not pending.err and #pending > 0, name = token .. ':' .. id .. (lead ~= '' and '=' .. lead or '') }
    ours = ours or entry.ours
    if marked then
      entry.mark = KEYS[key]
      key = key + 1
      if entry.ours then entry.before = call('GET', entry.mark) end
      -- The mark names process and entry: asking again is not beginning again.
      if entry.before and string.sub(entry.before, -#entry.name) == entry.name then again = true end
    end
    mine[k] = entry
  end
  begins = begins and ours
  local wait = begins and not again and wait_for(limits) or 0
  waits[message] = wait
  for _, entry in ipairs(mine) do
    n = n + 1
    marks[n] = ''
    if not entry.ours then
      letters[n] = 'N'
    elseif wait > 0 then
      letters[n] = 'W'
    else
      local before = entry.before
      letters[n] = (not before or before == entry.name) and 'F' or 'B'
      if letters[n] == 'B' then marks[n] = before end
      if entry.mark and marks_it and not (before and string.sub(before, -#entry.name) == entry.name) then
        call('SET', entry.mark, before and string.sub(before, -300) .. ' ' .. entry.name or entry.name, 'EX', ARGV[4])
      end
    end
  end
  if begins and wait == 0 and not again then
    for _, limit in ipairs(limits) do
      local paid = limit.paid + limit.every
      call('SET', limit.key, string.format('%d', paid), 'PX', string.format('%d', paid - now + 1000))
    end
  end
  for k = 1, coded do
    if begins and wait == 0 then call('SET', KEYS[key], ARGV[codes + k - 1], 'EX', ARGV[5]) end
    key = key + 1
  end
end
return { time, table.concat(letters), call('MGET', unpack(KEYS, 5, 4 + entries + records)), marks, waits }
