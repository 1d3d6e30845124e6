/**
 * What all scripts share. A script works on the five keys of one partition, all of which are declared:
 *
 * - `R` hash: session id → session or tombstone, packed with MessagePack as a list (`STATE`, `USER`, ...).
 * - `D` sorted set: session id by the deadline that comes first; exactly the sessions that live or wait to (`p`).
 * - `X` sorted set: sessions that ended with their user or with everyone, and are not tombstones yet.
 * - `T` sorted set: tombstones by when they ended, and users (`v` + user) by when their last session went.
 * - `U` hash: `g` the epoch of everyone, `since` when the last one ended, `G` why earlier ones did, `ends` by which calls,
 *   `count` how many epochs there were; for each user whom
 *   somebody has ended `e` + user the epoch, for all others together `d`; `i` + user the
 *   sessions (35 characters each: id, time of creation in hexadecimal, state), and for each epoch of a user that ended
 *   sessions `h` + user + epoch why; `n` + user by which calls the user was ended, and `H` + call which sessions were;
 *   `told` the number of the last change that was told.
 *
 * Users, reasons, fields and values are JSON texts, kept as they came; a script never decodes or encodes JSON. The first
 * write of whatever ends a session is ZREM, which Redis permits when its memory is full, and then all the rest of it.
 *
 * Changes are told on the channel `changes` of the partition, as `decisions/014-redis-feed.md` says: a number, then `s` and
 * the id of a session, `u` and a user, or `e` for everyone.
 */
export const PRELUDE = `
local R, D, X, T, U = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local STATE, USER, UE, GE, CREATED, SEEN, IDLE, EXPIRES, VERSION, SCHEMA, REVISION, ROTATION, META, REPLACES, OPS, DATA =
  1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16
local ENDED, REASON, BY, BY_USER, NONCE = 3, 4, 5, 6, 7
local WIDTH, HOUR = 35, 3600000
local CHANGES = string.sub(R, 1, -9) .. 'changes'
local call, pack, unpacked = redis.call, cmsgpack.pack, cmsgpack.unpack
local keep = tonumber(ARGV[2])
-- Whoever asks knows his answer by the mark.
local clock, mark = string.match(ARGV[1], '^([^#]*)#?(.*)$')
local now = tonumber(clock)
if not now then
  local time = call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end

local function num(n)
  return string.format(n % 1 == 0 and '%d' or '%.17g', n)
end

local function load(id)
  local packed = call('HGET', R, id)
  return packed and unpacked(packed) or nil
end

local function save(id, s)
  call('HSET', R, id, pack(s))
end

local function extend(key, ms)
  local left = call('PTTL', key)
  if left ~= -2 and left < ms then call('PEXPIRE', key, string.format('%.0f', ms + HOUR)) end
end

-- Where numbers begin anew: higher than any number that was there before, so that what was lost shows.
local function firstNumber()
  local time = call('TIME')
  local first = time[1] * 1000000 + time[2]
  call('HSET', U, 'told', string.format('%.0f', first))
  extend(U, keep)
  return first
end

-- Before the first write, so that a script that may not publish has changed nothing.
local function tell(kind, what)
  local number = call('HINCRBY', U, 'told', 1)
  if number == 1 then number = firstNumber() end
  call('SPUBLISH', CHANGES, string.format('%.0f', number) .. kind .. what)
end

-- The same for what must go on when memory is full.
local function tellEnd(kind, what)
  call('ZREM', X, '')
  tell(kind, what)
end

local function deadline(s)
  return math.min(s[SEEN] + s[IDLE], s[EXPIRES])
end

local function placeOf(entries, id, width)
  local at = string.find(entries, id, 1, true)
  while at and (at - 1) % (width or WIDTH) ~= 0 do at = string.find(entries, id, at + 1, true) end
  return at
end

local function setEntries(user, entries)
  if entries ~= '' then return call('HSET', U, 'i' .. user, entries) end
  call('HDEL', U, 'i' .. user)
  if call('HEXISTS', U, 'e' .. user) == 0 then return end
  call('ZADD', T, num(now), 'v' .. user)
  extend(T, keep)
end

local function enter(user, id, createdAt, state)
  if user == 'null' then return end
  local entries = call('HGET', U, 'i' .. user) or ''
  local entry = id .. string.format('%012x', createdAt) .. state
  local at = placeOf(entries, id)
  if at then entries = string.sub(entries, 1, at - 1) .. string.sub(entries, at + WIDTH) end
  call('HSET', U, 'i' .. user, entries .. entry)
end

local function leave(user, id)
  if user == 'null' then return end
  local entries = call('HGET', U, 'i' .. user)
  local at = entries and placeOf(entries, id)
  if at then setEntries(user, string.sub(entries, 1, at - 1) .. string.sub(entries, at + WIDTH)) end
end

-- Turns a session into its tombstone.
local function bury(id, s, reason, at, by, byUser, nonce)
  call('ZREM', D, id)
  call('ZREM', X, id)
  save(id, { 't', s[USER], at, reason, by or '', byUser or 'null', nonce or '' })
  call('ZADD', T, num(at), id)
  extend(T, keep)
  leave(s[USER], id)
end

local function drop(id, s)
  call('ZREM', D, id)
  call('ZREM', X, id)
  call('HDEL', R, id)
  leave(s[USER], id)
end

-- What users have for an epoch whom nobody has ended.
local default
local function defaultEpoch()
  default = default or call('HGET', U, 'd') or ''
  return default
end

local function expired(s, at)
  if at >= s[EXPIRES] then return '"absolute"', s[EXPIRES] end
  if at >= s[SEEN] + s[IDLE] then return '"idle"', s[SEEN] + s[IDLE] end
end

-- Why and since when a session is over, and the field of the end of its user, if that was it; nothing while it lives.
local function over(s)
  local epochs = call('HMGET', U, 'g', 'e' .. s[USER], 'd')
  local sameUser = s[USER] == 'null' or s[UE] == (epochs[2] or '')
  default = epochs[3] or ''
  if sameUser and s[GE] == epochs[1] then return expired(s, now) end
  local packed = not sameUser and call('HGET', U, 'h' .. s[USER] .. s[UE])
  if packed then
    local ending = unpacked(packed)
    if ending[3] == s[GE] then return ending[2], ending[1], 'h' .. s[USER] .. s[UE] end
  end
  packed = call('HGET', U, 'G')
  local era = packed and unpacked(packed)[s[GE]]
  -- What its epochs were is lost, so nobody can say that nothing ended it.
  if not era then return '"epoch-lost"', now end
  local reason, at = expired(s, era[1])
  return reason or era[2], at or era[1]
end

local function buryOver(id, s, reason, at, field)
  bury(id, s, reason, at)
  if not field then return end
  local ending = unpacked(call('HGET', U, field))
  ending[4] = ending[4] - 1
  if ending[4] > 0 then
    call('HSET', U, field, pack(ending))
  else
    call('HDEL', U, field, 'H' .. ending[5])
  end
end

-- The live session; else nil, its tombstone if there is one, and whether this call has ended it before anybody said so.
local function live(id)
  local s = load(id)
  if not s then return nil end
  if s[STATE] == 't' then return nil, s, false end
  if s[STATE] == 'p' then return nil end
  local reason, at, epoch = over(s)
  if not reason then return s end
  buryOver(id, s, reason, at, epoch)
  return nil, load(id), not epoch
end

-- Operations, each with the second of its time.
local function has(s, operation)
  for i = 1, #s[OPS], 2 do
    if s[OPS][i] == operation then return true end
  end
  return false
end

-- The last 8, and those of the last minute: a driver that reconnects sends all again that had no answer.
local function remember(s, operation)
  local known, second = s[OPS], math.floor(now / 1000)
  local from = 1
  while #known - from >= 15 and (known[from + 1] < second - 60 or #known - from >= 1023) do from = from + 2 end
  s[OPS] = { unpack(known, from) }
  table.insert(s[OPS], operation)
  table.insert(s[OPS], second)
end

-- Whether an end of many with this nonce has been applied, of the last 16.
local function isRepeated(field, nonce)
  return placeOf(call('HGET', U, field) or '', nonce, #nonce) ~= nil
end

local function rememberEnd(field, nonce)
  call('HSET', U, field, string.sub((call('HGET', U, field) or '') .. nonce, -16 * #nonce))
end

-- A new epoch: never one that was there, whatever is repeated.
local function renewed(nonce)
  return nonce .. string.format('%.0f', call('HINCRBY', U, 'count', 1))
end

local function quoted(id)
  return id == '' and 'null' or '"' .. id .. '"'
end

local function dataText(data)
  local fields = {}
  for i = 1, #data, 2 do fields[#fields + 1] = data[i] .. ':' .. data[i + 1] end
  return '{' .. table.concat(fields, ',') .. '}'
end

local function record(id, s)
  return table.concat({
    '["' .. id .. '"', s[USER], quoted(s[GE]), quoted(s[UE] == '' and s[USER] ~= 'null' and defaultEpoch() or s[UE]), num(s[CREATED]), num(s[SEEN]), num(s[IDLE]), num(s[EXPIRES]),
    num(s[VERSION]), num(s[SCHEMA]), s[ROTATION], s[META], quoted(s[REPLACES]), dataText(s[DATA]) .. ']',
  }, ',')
end

local function tombstone(id, t)
  if not t then return 'null' end
  return table.concat({ '["' .. id .. '"', num(t[ENDED]), t[REASON], t[USER], quoted(t[BY]), t[BY_USER] .. ']' }, ',')
end

local function answer(outcome, ...)
  return '["' .. outcome .. '",' .. num(now) .. (select('#', ...) > 0 and ',' or '') .. table.concat({ ... }, ',') .. ',"' .. mark .. '"]'
end

local function eraOf(nonce)
  local era = call('HGET', U, 'g')
  if era then return era end
  call('HSET', U, 'g', nonce)
  return nonce
end

-- The epochs of a user in one text; '' stands for those of a user whom nobody has ended.
local function epochText(era, epoch)
  epoch = epoch ~= '' and epoch or defaultEpoch()
  return epoch == '' and era or era .. '.' .. epoch
end

local function scoresOf(ids)
  local scores = {}
  for from = 1, #ids, 1000 do
    local some = call('ZMSCORE', D, unpack(ids, from, math.min(from + 999, #ids)))
    for i = 1, #some do scores[from + i - 1] = tonumber(some[i] or nil) or false end
  end
  return scores
end

-- The user's sessions that live, or wait to; those past a deadline are buried first.
local function liveOf(user)
  local entries = call('HGET', U, 'i' .. user)
  if not entries then return {} end
  local ids, found, lost, buried = {}, {}, 0, false
  for at = 1, #entries, WIDTH do ids[#ids + 1] = string.sub(entries, at, at + 21) end
  local scores = scoresOf(ids)
  local kept = {}
  for i, id in ipairs(ids) do
    local entry = string.sub(entries, (i - 1) * WIDTH + 1, i * WIDTH)
    if not scores[i] then
      lost = lost + 1
    else
      kept[#kept + 1] = entry
      if scores[i] > now then
        found[#found + 1] = { id = id, at = tonumber(string.sub(entry, 23, 34), 16), state = string.sub(entry, 35), place = i }
      end
    end
  end
  if lost > 0 then setEntries(user, table.concat(kept)) end
  for i, id in ipairs(ids) do
    if scores[i] and scores[i] <= now then
      local s = load(id)
      if s and s[STATE] == 'p' then drop(id, s) else live(id) end
    end
  end
  return found
end
`

/**
 * In front of scripts that may come to their answer without a write: a replica, or a primary that was demoted, may not know of
 * the latest ends. That it takes writes is asked by one that changes nothing. Not for scripts that make anything grow: behind
 * a write, Redis lets everything pass although its memory is full.
 */
export const ON_PRIMARY = `
local refused = redis.pcall('ZREM', X, '')
if type(refused) == 'table' and string.find(refused.err or '', 'READONLY', 1, true) then return refused end
`
