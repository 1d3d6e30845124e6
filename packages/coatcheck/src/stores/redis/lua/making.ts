/** Chooses whom a limit puts out, and puts them out. */
const LIMIT = `
-- Sessions of the user that must go so that one more fits; nil where none may.
local function toEvict(user, count, how, id, leaving)
  if count == '' or user == 'null' then return {} end
  local others = {}
  for _, entry in ipairs(liveOf(user)) do
    local counts = entry.state == 'l' or how == 'refuse'
    if counts and entry.id ~= id and entry.id ~= leaving then others[#others + 1] = entry end
  end
  local excess = #others - tonumber(count) + 1
  if excess <= 0 then return {} end
  if how == 'refuse' then return nil end
  for _, entry in ipairs(others) do
    entry.age = how == 'evict-idle' and load(entry.id)[SEEN] or entry.at
  end
  table.sort(others, function(a, b)
    if a.age ~= b.age then return a.age < b.age end
    if a.at ~= b.at then return a.at < b.at end
    return a.place < b.place
  end)
  local evicted = {}
  for i = 1, math.min(excess, #others) do evicted[i] = others[i].id end
  return evicted
end

local function evict(ids)
  local quotes = {}
  for i, id in ipairs(ids) do
    tellEnd('s', id)
    bury(id, load(id), '"limit"', now)
    quotes[i] = quoted(id)
  end
  return '[' .. table.concat(quotes, ',') .. ']'
end
`

/**
 * Stores a session, in place of one of the same partition where there is one. Arguments: id, operation id, nonce, user, idle
 * timeout, time to the absolute deadline, secret hash, meta, schema version, epoch wanted or '', limit or '', what to do at
 * it, old id or '', the old one's version or 'gone', reason of its end, for how long the session waits to live or '', the id
 * that it replaces or '', then fields and values. What waits is not live: it counts for a limit, and goes by itself.
 */
export const INSERT = `${LIMIT}
local id, operation, nonce, user, idle, absolute, secret, meta, schema, ifEpoch, count, how, old, oldVersion, reason, waits, replaces =
  unpack(ARGV, 3, 19)
local known = load(id)
if known then
  if known[STATE] == 't' or not has(known, operation) then return answer('exists') end
  if known[STATE] == 'l' then
    local s = live(id)
    return s and answer('ok', record(id, s), 'null', '[]') or answer('exists')
  end
end
local era, epoch = eraOf(nonce), user ~= 'null' and call('HGET', U, 'e' .. user) or ''
if ifEpoch ~= '' and user ~= 'null' and ifEpoch ~= epochText(era, epoch) then return answer('stale') end
local leaving
if old ~= '' then
  leaving = live(old)
  if (leaving and num(leaving[VERSION]) or 'gone') ~= oldVersion then return answer('changed') end
end
local evicted = toEvict(user, count, how, id, leaving and old or nil)
if not evicted then return answer('limit') end

local data = {}
for i = 20, #ARGV do data[i - 19] = ARGV[i] end
local rotation = '[0,0,"' .. secret .. '",' .. num(now) .. ',null]'
local state = waits == '' and 'l' or 'p'
local s = {
  state, user, epoch, era, now, now, tonumber(idle), now + tonumber(absolute), 0, tonumber(schema), 0, rotation, meta, replaces,
  { operation, math.floor(now / 1000) }, data,
}
local replaced, gone = 'null', '[]'
if leaving then
  tellEnd('s', old)
  bury(old, leaving, reason, now, id, user)
  replaced = '[' .. leaving[USER] .. ']'
end
if state == 'l' then gone = evict(evicted) end
save(id, s)
if known then call('ZREM', X, id) end
call('ZADD', D, num(state == 'l' and deadline(s) or now + tonumber(waits)), id)
enter(user, id, now, state)
for _, key in ipairs({ R, D, U, X, T }) do extend(key, tonumber(absolute) + keep) end
return answer('ok', record(id, s), replaced, gone)
`

/** Lets a session live that waited to. Arguments: id, operation id, limit or '', what to do at it. */
export const ACTIVATE = `${LIMIT}
local id, operation, count, how = unpack(ARGV, 3, 6)
local s = load(id)
if not s then return answer('late') end
if s[STATE] == 't' or not has(s, operation) then return answer('late') end
if s[STATE] == 'l' then
  s = live(id)
  return s and answer('ok', record(id, s), '[]') or answer('late')
end
local epochs = call('HMGET', U, 'g', 'e' .. s[USER])
local stale = s[GE] ~= epochs[1] or (s[USER] ~= 'null' and s[UE] ~= (epochs[2] or ''))
local until_ = tonumber(call('ZSCORE', D, id) or nil)
if stale or not until_ or until_ <= now then
  drop(id, s)
  return answer(stale and 'stale' or 'late')
end
local gone = '[]'
if how ~= 'refuse' then gone = evict(toEvict(s[USER], count, how, id)) end
s[STATE] = 'l'
save(id, s)
call('ZADD', D, num(deadline(s)), id)
enter(s[USER], id, s[CREATED], 'l')
return answer('ok', record(id, s), gone)
`

/** Takes back a session that waits to live. Arguments: id, operation id. */
export const CANCEL = `
local id, operation = ARGV[3], ARGV[4]
local s = load(id)
if s and s[STATE] == 'p' and has(s, operation) then drop(id, s) end
return answer('ok')
`

/** Ends a session in favour of one in another partition. Arguments: id, its version, reason, the other's id and user. */
export const DEPART = `
local id, version, reason, by, byUser = unpack(ARGV, 3, 7)
local s, t = live(id)
if not s then
  if t and t[BY] == by then return answer('ok', '[' .. t[USER] .. ']') end
  return answer('gone', tombstone(id, t))
end
if num(s[VERSION]) ~= version then return answer('changed') end
tellEnd('s', id)
bury(id, s, reason, now, by, byUser)
return answer('ok', '[' .. s[USER] .. ']')
`

/** The user's epoch. Arguments: user, nonce for the epoch of everyone, should there be none. */
export const EPOCHS = `
local user, nonce = ARGV[3], ARGV[4]
local text = epochText(eraOf(nonce), call('HGET', U, 'e' .. user) or '')
extend(U, keep)
return answer('ok', quoted(text))
`
