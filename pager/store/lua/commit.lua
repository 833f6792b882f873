#!lua
-- A batch of commits, each written whole or not at all. All checks and all reads come before the first write: there is no way back from one.
--
-- KEYS  1 deadlines, 2 resolved, 3 audit, 4 counts, 5-8 outboxes, 9 boards, 10 suppressed, 11 numbers given, 12.. what is checked, in the order of the checks,
--       then what is only written.
-- ARGV  1 commits, 2 group, 3 worker, 4-6 seconds that codes, requests and markers are kept, 7 wake channel, 8 checked keys, 9 fences,
--       the fenced numbers, and then each commit: its incident's number, how many operations, the operations. Checks come first:
--   once                  the next checked key must be absent; it is set at the end
--   mine PRIORITY ID      the outbox entry is pending for this worker; it is finished at the end
--   fence SCORE           the incident's deadline is still exactly this, and has not passed
--   is PREFIX             the next checked key begins so, as earlier commits of the batch leave it; an empty prefix: it is absent
--   put VALUE             the checked keys of `is` get these values, in order
--   mark VALUE            the same, for a while only
--   also VALUE            the next written key, whatever becomes of the commit: the key is a hash of the value
--   new NUMBER            an incident is opened by this number: so many are given now
--   due SCORE | done      into the deadlines, or out of them
--   again SCORE           into the deadlines where that is still to come
--   ended SCORE | opened  into the resolved, or out of them
--   state FROM TO         for the counts; either may be empty
--   held 1 | held 0       into those that are looked at when people say what mutes, or out of them
--   log VALUE             to the next written key, and to the audit
--   audit VALUE           to the audit alone
--   night USER AT         a page in a person's night; the next three written keys are that person's, who has any, and the rota's version
--   member VALUE          to the list that is the next written key
--   turn SCHEDULE         one more is taken; the next written key counts them
--   join                  among those that wait for the next written key
--   wake GRACE            who waits for the next written key is due in so many milliseconds, if not before
--   show                  its chat messages are to be looked at
--   send PRIORITY VALUE   to an outbox
--   code VALUE            the next written key, for a while
-- Returns a letter a commit: Done, Conflict, Stale, Replayed.

local call = redis.call
local NIGHTS_KEPT, NIGHTS_MOST = 14 * 86400, 50  -- seconds, and pages of a person
local group, worker, wake = ARGV[2], ARGV[3], ARGV[7]
local checked, fences = tonumber(ARGV[8]), tonumber(ARGV[9])
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local stored = checked > 0 and call('MGET', unpack(KEYS, 12, 11 + checked)) or {}
local scores = fences > 0 and call('ZMSCORE', KEYS[1], unpack(ARGV, 10, 9 + fences)) or {}

local touched = {}  -- requests, entries and numbers that an earlier commit of this batch changed
local outcomes, values, said = {}, {}, {}
local armed, ended, held = {}, {}, {}  -- by number, as the last commit of the batch has it; false: out of the set
local later, acked, counted, shown = {}, { {}, {}, {}, {} }, {}, {}
local nights, joined, woken, turned, turns = {}, {}, {}, {}, nil
local pending, marked = {}, {}  -- what earlier commits of this batch leave under a key: a later one may go on from there
local nearest, newest = math.huge, 0

local a, check, write, fence = 10 + fences, 12, 12 + checked, 1

for commit = 1, tonumber(ARGV[1]) do
  local number, operations = ARGV[a], tonumber(ARGV[a + 1])
  local outcome, target, once, entry, outbox = 'D', nil, nil, nil, nil
  a = a + 2
  for _ = 1, operations do
    local op, value = ARGV[a], ARGV[a + 1]
    a = a + 2
    -- checks
    if op == 'is' then
      local key = KEYS[check]
      local there = pending[key] or stored[check - 11]
      target = target or check
      check = check + 1
      local same = (value == '' and not there) or (value ~= '' and there and string.sub(there, 1, #value) == value)
      if outcome == 'D' and not same then outcome = 'C' end
    elseif op == 'fence' then
      local due, mine = tonumber(scores[fence] or nil), tonumber(value)
      fence = fence + 1
      if outcome == 'D' and touched[number] then outcome = 'C' end
      if outcome == 'D' and (due ~= mine or mine <= now) then outcome = 'S' end
    elseif op == 'mine' then
      outbox, entry = tonumber(value) + 1, ARGV[a]
      a = a + 1
      if outcome == 'D' then
        local pending = redis.pcall('XPENDING', KEYS[4 + outbox], group, entry, entry, 1, worker)
        if pending.err or #pending == 0 or touched[outbox .. entry] then outcome = 'S' end
      end
    elseif op == 'once' then
      once = KEYS[check]
      if stored[check - 11] or touched[once] then outcome = 'R' end
      check = check + 1
    -- writes: gathered here, so that a batch costs few calls
    elseif op == 'put' then
      if outcome == 'D' then
        pending[KEYS[target]] = value
        marked[KEYS[target]] = nil
        values[#values + 1] = KEYS[target]
        values[#values + 1] = value
      end
      target = target + 1
    elseif op == 'mark' then
      if outcome == 'D' then
        pending[KEYS[target]] = value
        marked[KEYS[target]] = value
      end
      target = target + 1
    elseif op == 'also' then
      values[#values + 1] = KEYS[write]
      values[#values + 1] = value
      write = write + 1
    elseif op == 'log' then
      if outcome == 'D' then
        later[#later + 1] = { 'RPUSH', KEYS[write], value }
        said[#said + 1] = number
        said[#said + 1] = value
      end
      write = write + 1
    elseif op == 'code' then
      if outcome == 'D' then later[#later + 1] = { 'SET', KEYS[write], value, 'EX', ARGV[4] } end
      write = write + 1
    elseif op == 'send' then
      if outcome == 'D' then later[#later + 1] = { 'XADD', KEYS[5 + tonumber(value)], '*', 'item', ARGV[a] } end
      a = a + 1
    elseif op == 'night' then
      if outcome == 'D' then nights[#nights + 1] = { write, value, ARGV[a] } end
      write = write + 3
      a = a + 1
    elseif op == 'member' then
      if outcome == 'D' then later[#later + 1] = { 'RPUSH', KEYS[write], value } end
      write = write + 1
    elseif op == 'turn' then
      if outcome == 'D' then
        turns = KEYS[write]
        turned[value] = (turned[value] or 0) + 1
      end
      write = write + 1
    elseif op == 'join' then
      if outcome == 'D' then
        joined[KEYS[write]] = joined[KEYS[write]] or {}
        table.insert(joined[KEYS[write]], number)
      end
      write = write + 1
    elseif op == 'wake' then
      if outcome == 'D' then
        local waiting = call('SMEMBERS', KEYS[write])
        for _, other in ipairs(joined[KEYS[write]] or {}) do waiting[#waiting + 1] = other end
        for _, other in ipairs(waiting) do
          woken[#woken + 1] = string.format('%d', now + tonumber(value))
          woken[#woken + 1] = other
        end
        joined[KEYS[write]] = nil
        if #waiting > 0 then later[#later + 1] = { 'DEL', KEYS[write] } end
      end
      write = write + 1
    elseif op == 'state' then
      if outcome == 'D' then
        counted[value] = (counted[value] or 0) - 1
        counted[ARGV[a]] = (counted[ARGV[a]] or 0) + 1
      end
      a = a + 1
    elseif outcome == 'D' then
      if op == 'due' or (op == 'again' and tonumber(value) > now) then
        armed[number] = value
        touched[number] = true
        nearest = math.min(nearest, tonumber(value))
      elseif op == 'done' then
        armed[number] = false
        touched[number] = true
      elseif op == 'new' then
        newest = math.max(newest, tonumber(value))
      elseif op == 'ended' then
        ended[number] = value
      elseif op == 'opened' then
        ended[number] = false
      elseif op == 'held' then
        held[number] = value == '1'
      elseif op == 'show' then
        shown[#shown + 1] = string.format('%d', now)
        shown[#shown + 1] = number
      elseif op == 'audit' then
        said[#said + 1] = number
        said[#said + 1] = value
      end
    end
  end
  if outcome == 'D' and once then
    later[#later + 1] = { 'SET', once, '1', 'EX', ARGV[5] }
    touched[once] = true
  end
  if outcome == 'D' and entry then
    table.insert(acked[outbox], entry)
    touched[outbox .. entry] = true
  end
  outcomes[commit] = outcome
end

-- What goes into a set, with its scores, and what goes out of it.
local function sorted(by_number, with_scores)
  local inside, outside = {}, {}
  for number, value in pairs(by_number) do
    if not value then
      outside[#outside + 1] = number
    else
      if with_scores then inside[#inside + 1] = value end
      inside[#inside + 1] = number
    end
  end
  return inside, outside
end

local scored, unscored = sorted(armed, true)
local resolved, unresolved = sorted(ended, true)
local muted, unmuted = sorted(held, false)
local given = newest > 0 and tonumber(call('GET', KEYS[11]) or '0')
local first = #scored > 0 and call('ZRANGE', KEYS[1], 0, 0, 'WITHSCORES')
if given and given < newest then call('SET', KEYS[11], string.format('%d', newest)) end
if #values > 0 then call('MSET', unpack(values)) end
if #scored > 0 then call('ZADD', KEYS[1], unpack(scored)) end
if #unscored > 0 then call('ZREM', KEYS[1], unpack(unscored)) end
if #resolved > 0 then call('ZADD', KEYS[2], unpack(resolved)) end
if #unresolved > 0 then call('ZREM', KEYS[2], unpack(unresolved)) end
if #shown > 0 then call('ZADD', KEYS[9], 'NX', unpack(shown)) end
if #said > 0 then call('XADD', KEYS[3], '*', unpack(said)) end
for _, command in ipairs(later) do call(unpack(command)) end
for key, value in pairs(marked) do call('SET', key, value, 'EX', ARGV[6]) end
for key, numbers in pairs(joined) do
  call('SADD', key, unpack(numbers))
  call('EXPIRE', key, ARGV[6])
end
for first_of = 1, #woken, 2000 do
  call('ZADD', KEYS[1], 'LT', unpack(woken, first_of, math.min(first_of + 1999, #woken)))
end
if #unmuted > 0 then call('SREM', KEYS[10], unpack(unmuted)) end
if #muted > 0 then call('SADD', KEYS[10], unpack(muted)) end
for outbox, ids in ipairs(acked) do
  if #ids > 0 then
    call('XACK', KEYS[4 + outbox], group, unpack(ids))
    call('XDEL', KEYS[4 + outbox], unpack(ids))
  end
end
for state, change in pairs(counted) do
  if state ~= '' and change ~= 0 then call('HINCRBY', KEYS[4], state, change) end
end
for schedule, count in pairs(turned) do call('HINCRBY', turns, schedule, count) end
for _, night in ipairs(nights) do
  local write, user, at = unpack(night)
  local kept = {}
  for page in string.gmatch(call('GET', KEYS[write]) or '', '%d+') do
    if tonumber(page) > now - 1000 * NIGHTS_KEPT then kept[#kept + 1] = page end
  end
  kept[#kept + 1] = at
  call('SET', KEYS[write], table.concat(kept, ' ', math.max(1, #kept - NIGHTS_MOST + 1)), 'EX', NIGHTS_KEPT)
  call('ZADD', KEYS[write + 1], at, user)
  call('SET', KEYS[write + 2], string.format('%d', math.max(now, tonumber(call('GET', KEYS[write + 2]) or '0') + 1)))
end
if first and (not first[2] or nearest < tonumber(first[2])) then call('PUBLISH', wake, tostring(nearest)) end
return table.concat(outcomes)
