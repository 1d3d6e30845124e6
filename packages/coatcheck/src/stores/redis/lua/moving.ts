import { ON_PRIMARY } from './prelude.ts'

/**
 * What lies in a part of the partition. Arguments: where the page before has ended, in which server, and how many to look at.
 * A place among the elements of a hash means nothing to another server, where a slot has moved to or which was promoted:
 * there the partition begins anew. A session whose end nobody has been told of yet is passed over: a sweep tells.
 */
export const SCAN = `${ON_PRIMARY}
local from, before, count = unpack(ARGV, 3, 5)
local server = string.match(call('INFO', 'server'), 'run_id:(%w+)') or ''
if server ~= before then from = '0' end
local place, found = unpack(call('HSCAN', R, from, 'COUNT', count))
local sessions, tombstones = {}, {}
for i = 1, #found, 2 do
  local id, s = found[i], unpacked(found[i + 1])
  if s[STATE] == 'l' then
    local reason, at, told = over(s)
    if not reason then
      sessions[#sessions + 1] = record(id, s)
    elseif told then
      buryOver(id, s, reason, at, told)
      s = load(id)
    end
  end
  if s[STATE] == 't' then tombstones[#tombstones + 1] = tombstone(id, s) end
end
return answer('ok', '[' .. table.concat(sessions, ',') .. ']', '[' .. table.concat(tombstones, ',') .. ']', quoted(place), quoted(server))
`

/** Arguments: user, nonce for the epoch of everyone, should there be none. */
export const EPOCH_FOR = `
local user, nonce = ARGV[3], ARGV[4]
local era = eraOf(nonce)
extend(U, keep)
return answer('ok', quoted(user == 'null' and era or epochText(era, call('HGET', U, 'e' .. user) or '')))
`

/**
 * Arguments: id, nonce, which makes a repetition 'ok' again, user, epoch wanted or '', '1' where the id lies in the partition
 * of the user, idle timeout, version, schema version, revision, the rotating half, meta, id that it replaces or '', and since
 * when it was created, last seen and will be over: milliseconds from now, as are instants of the rotating half, between
 * marks. Then fields and values.
 */
export const ADOPT = `
local id, nonce, user, ifEpoch, placed, idle, version, schema, revision, rotation, meta, replaces, created, seen, expires =
  unpack(ARGV, 3, 17)
local function instant(ahead)
  return math.floor(now + tonumber(ahead))
end

local known, t = live(id)
if known then return answer(has(known, nonce) and 'ok' or 'exists', record(id, known)) end
if t then return answer('ended', tombstone(id, t)) end
if placed ~= '1' then return answer('misplaced') end
local era, epoch = call('HGET', U, 'g'), user ~= 'null' and call('HGET', U, 'e' .. user) or ''
if ifEpoch ~= '' then
  local current = era and (user == 'null' and era or epochText(era, epoch))
  if ifEpoch ~= current then return answer('stale') end
end
-- It waits to live: whoever stores it at this moment has to finish, or to give up, first.
if load(id) then return answer('stale') end

local data = {}
for i = 18, #ARGV do data[i - 17] = ARGV[i] end
local moved = string.gsub(rotation, '\\1([^\\1]*)\\1', function(ahead) return num(instant(ahead)) end)
local s = {
  'l', user, epoch, era, instant(created), instant(seen), tonumber(idle), instant(expires), tonumber(version),
  tonumber(schema), tonumber(revision), moved, meta, replaces, { nonce, math.floor(now / 1000) }, data,
}
if expired(s, now) then return answer('over') end
s[GE] = eraOf(nonce)
save(id, s)
call('ZADD', D, num(deadline(s)), id)
enter(user, id, s[CREATED], 'l')
for _, key in ipairs({ R, D, U, X, T }) do extend(key, s[EXPIRES] - now + keep) end
return answer('ok', record(id, s))
`

/**
 * Arguments: id, nonce, with which a repetition has the same answer, user, reason, id that took its place or '', the user of
 * that, how long ago it ended, retention of tombstones.
 */
export const BURY = `
local id, nonce, user, reason, by, byUser, ago, retention = unpack(ARGV, 3, 10)
local at = math.min(now, math.floor(now - tonumber(ago)))
local s, t = live(id)
if t then
  for _, outcome in ipairs({ 'ended', 'buried' }) do
    if t[NONCE] == outcome .. nonce then return answer(outcome) end
  end
  return answer('already')
end
-- One that waits to live never will.
s = s or load(id)
if s then
  if s[STATE] == 'l' then tellEnd('s', id) end
  bury(id, s, reason, at, by, byUser, 'ended' .. nonce)
  return answer('ended')
end
if at <= now - tonumber(retention) then return answer('over') end
save(id, { 't', user, at, reason, by, byUser, 'buried' .. nonce })
call('ZADD', T, num(at), id)
extend(R, keep)
extend(T, keep)
return answer('buried')
`
