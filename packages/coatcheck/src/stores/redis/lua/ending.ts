import { ON_PRIMARY } from './prelude.ts'

/** Arguments: id, reason, user whose it must be or '', '1' to follow replacements, nonce: the same one is `ended` again. */
export const END = `${ON_PRIMARY}
local id, reason, ofUser, follow, nonce = unpack(ARGV, 3, 7)
local function ended(which, user)
  return answer('ended', '[' .. quoted(which) .. ',' .. user .. ']')
end
local s, t = live(id)
local mine = s or t
if not mine or (ofUser ~= '' and mine[USER] ~= ofUser) then return answer('unknown') end
local last, next, seen = id, t, {}
while not s and next and not seen[last] do
  -- A forged import can lead replacements in a circle.
  seen[last] = true
  if next[NONCE] == nonce then return ended(last, next[USER]) end
  if follow ~= '1' or next[BY] == '' or next[USER] == 'null' or next[BY_USER] ~= next[USER] then break end
  last = next[BY]
  s, next = live(last)
end
if not s then return answer('already', tombstone(id, t)) end
tellEnd('s', last)
bury(last, s, reason, now, nil, nil, nonce)
return ended(last, s[USER])
`

/** Arguments: user, reason, nonce of the call, which changes nothing again, ids that keep living. */
export const END_USER = `
local user, reason, nonce = ARGV[3], ARGV[4], ARGV[5]
-- Permitted when memory is full, and then so is all that follows.
call('ZREM', X, '')
local era, before = eraOf(nonce), call('HGET', U, 'e' .. user) or ''
local function answered(entries)
  local ids = {}
  for at = 1, #entries, WIDTH do
    if string.sub(entries, at + 34, at + 34) == 'l' then ids[#ids + 1] = quoted(string.sub(entries, at, at + 21)) end
  end
  return answer('ok', '[' .. table.concat(ids, ',') .. ']')
end
if isRepeated('n' .. user, nonce) then return answered(call('HGET', U, 'H' .. nonce) or '') end
tell('u', user)
rememberEnd('n' .. user, nonce)
local epoch = renewed(nonce)

local kept = {}
for i = 6, #ARGV do kept[ARGV[i]] = true end
local ending, staying, scored, ids, told = {}, {}, {}, {}, 0
for _, entry in ipairs(liveOf(user)) do
  local text = entry.id .. string.format('%012x', entry.at) .. entry.state
  if kept[entry.id] and entry.state == 'l' then
    staying[#staying + 1] = text
    local s = load(entry.id)
    s[UE] = epoch
    save(entry.id, s)
  else
    ending[#ending + 1] = text
    if entry.state == 'l' then told = told + 1 end
    ids[#ids + 1] = entry.id
    scored[#scored + 1] = '0'
    scored[#scored + 1] = entry.id
  end
end
call('HSET', U, 'e' .. user, epoch)
if #ids > 0 then
  for from = 1, #ids, 1000 do
    local to = math.min(from + 999, #ids)
    call('ZREM', D, unpack(ids, from, to))
    call('ZADD', X, unpack(scored, 2 * from - 1, 2 * to))
  end
  local entries = table.concat(ending)
  if told > 0 then
    call('HSET', U, 'h' .. user .. before, pack({ now, reason, era, told, nonce }), 'H' .. nonce, entries)
  end
  extend(X, call('PTTL', R))
  setEntries(user, table.concat(staying))
  return answered(entries)
end
call('ZADD', T, num(now), 'v' .. user)
extend(U, keep)
extend(T, keep)
return answer('ok', '[]')
`

/**
 * Everyone in this partition. Arguments: reason, nonce of the call, which changes nothing again, and '' or when everyone has
 * ended already, to end them again should that be lost.
 */
export const END_EVERYONE = `
local reason, nonce, at = ARGV[3], ARGV[4], tonumber(ARGV[5])
local era = call('HGET', U, 'g')
-- Nothing was ever stored here, and what will be is no concern of this end.
if not era then return answer('nobody') end
if at and at <= (tonumber(call('HGET', U, 'since') or 0)) then return answer('ok') end
call('ZREM', X, '')
if isRepeated('ends', nonce) then return answer('ok') end
tell('e', '')
rememberEnd('ends', nonce)
local packed = call('HGET', U, 'G')
local ended = packed and unpacked(packed) or {}
ended[era] = { now, reason }
call('HSET', U, 'G', pack(ended), 'g', renewed(nonce), 'since', num(now))
if call('EXISTS', D) == 1 then
  if call('EXISTS', X) == 0 then
    call('RENAME', D, X)
  else
    call('ZUNIONSTORE', X, 2, X, D)
    call('DEL', D)
  end
  -- Not sooner than the sessions, which would live again if nothing said any more that they have ended.
  extend(X, call('PTTL', R))
end
return answer('ok')
`

/** Whether there is anything to sweep. Argument: retention of tombstones. */
export const OVERDUE = `
local function any(key, to)
  return #call('ZRANGEBYSCORE', key, '-inf', to, 'LIMIT', 0, 1) > 0
end
local found = call('EXISTS', X) == 1 or any(D, num(now)) or any(T, num(now - tonumber(ARGV[3])))
return answer(found and 'some' or 'none')
`

/** Arguments: retention of tombstones, most sessions to end, most tombstones to remove. */
export const SWEEP = `
local retention, most, mostTombstones = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local ended, handled = {}, 0
local function finish(ids)
  for _, id in ipairs(ids) do
    handled = handled + 1
    local s = load(id)
    if not s or s[STATE] == 't' then
      call('ZREM', D, id)
      call('ZREM', X, id)
    elseif s[STATE] == 'p' then
      drop(id, s)
    else
      local reason, at, epoch = over(s)
      if reason then
        buryOver(id, s, reason, at, epoch)
        if not epoch then ended[#ended + 1] = '[' .. quoted(id) .. ',' .. s[USER] .. ',' .. reason .. ']' end
      else
        call('ZREM', X, id)
        call('ZADD', D, num(deadline(s)), id)
      end
    end
  end
end
if most > 0 then
  finish(call('ZRANGE', X, 0, most - 1))
  if call('EXISTS', X) == 0 then call('HDEL', U, 'G') end
end
if handled < most then finish(call('ZRANGEBYSCORE', D, '-inf', num(now), 'LIMIT', 0, most - handled)) end
local removed, looked = 0, 0
if mostTombstones > 0 then
  for _, member in ipairs(call('ZRANGEBYSCORE', T, '-inf', num(now - retention), 'LIMIT', 0, mostTombstones)) do
    looked = looked + 1
    call('ZREM', T, member)
    local user = string.sub(member, 2)
    if string.sub(member, 1, 2) ~= 'v"' then
      call('HDEL', R, member)
      removed = removed + 1
    elseif call('EXISTS', X) == 1 then
      -- Some session of the user may not be a tombstone yet, and lived again without the user's epoch.
      call('ZADD', T, num(now), member)
    elseif call('HEXISTS', U, 'i' .. user) == 0 then
      -- A login that was begun before the user was ended must not find the epochs that it knows again.
      call('HDEL', U, 'e' .. user, 'n' .. user)
      call('HSET', U, 'd', renewed(''))
    end
  end
end
local more = handled == most or looked == mostTombstones
return answer('ok', '[' .. table.concat(ended, ',') .. ']', num(removed), more and 'true' or 'false', num(handled))
`

/** A write that changes nothing: a replica, a full memory or too few replicas show. */
export const HEALTH = `
call('ZREM', X, '')
return answer('ok')
`

/** What the server says about itself. Run with any keys of a primary; the answer is JSON that holds no session's data. */
export const SERVER = `
local sections = {}
for _, section in ipairs({ 'server', 'replication', 'memory', 'persistence' }) do
  sections[#sections + 1] = call('INFO', section)
end
return answer('ok', cjson.encode(table.concat(sections, '\\n')))
`

/**
 * Ends again what a fail-over may have brought back. Arguments: user, reason, until when the sessions were made that have
 * ended, nonce of the end, ids that keep living. Later sessions are left alone, so it may come at any time.
 */
export const REASSERT_USER = `
local user, reason, at, nonce = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
call('ZREM', X, '')
-- It was not lost. Whoever has signed in since may have done so within the same millisecond.
if placeOf(call('HGET', U, 'n' .. user) or '', nonce, #nonce) then return answer('ok') end
local kept = {}
for i = 7, #ARGV do kept[ARGV[i]] = true end
for _, entry in ipairs(liveOf(user)) do
  if entry.at <= at and not kept[entry.id] then
    local s = load(entry.id)
    if s[STATE] ~= 'p' then tell('s', entry.id) end
    if s[STATE] == 'p' then drop(entry.id, s) else bury(entry.id, s, reason, now) end
  end
end
return answer('ok')
`
