import { ON_PRIMARY } from './prelude.ts'

/** Arguments, after the clock and how long keys are kept: id. */
export const FIND = `${ON_PRIMARY}
local id = ARGV[3]
local s, t, fresh = live(id)
if s then return answer('live', record(id, s)) end
if t then return answer('ended', tombstone(id, t), fresh and 'true' or 'false') end
return answer('unknown')
`

/**
 * Arguments: id, operation id, version wanted or '', most bytes, schema version or '', then per operation its kind, field,
 * value and initial value. A kind that is not among these, or a number that is not whole, is left to the caller (`read`).
 */
export const MUTATE = `
local id, operation, version, most, schema = ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), ARGV[7]
local s, t = live(id)
if not s then return answer('gone', tombstone(id, t)) end
if has(s, operation) then return answer('ok', record(id, s)) end
if version ~= '' and tonumber(version) ~= s[VERSION] then return answer('conflict', record(id, s)) end

local data, names, size = s[DATA], {}, 1
for i = 1, #data, 2 do
  names[data[i]] = i
  size = size + #data[i] + #data[i + 1] + 2
end
if size == 1 then size = 2 end
local count = #data / 2

local function put(name, value)
  local at = names[name]
  if at then
    size = size + #value - #data[at + 1]
    data[at + 1] = value
    return
  end
  size = size + #name + #value + (count == 0 and 1 or 2)
  count = count + 1
  names[name] = #data + 1
  data[#data + 1] = name
  data[#data + 1] = value
end

local function remove(name)
  local at = names[name]
  if not at then return end
  size = size - #name - #data[at + 1] - (count == 1 and 1 or 2)
  count = count - 1
  table.remove(data, at)
  table.remove(data, at)
  names = {}
  for i = 1, #data, 2 do names[data[i]] = i end
end

-- The sum as text; false where the value is no number, nil where the sum must be left to the caller.
local function sum(before, amount)
  if not string.find(before, '^%-?[0-9]') then return false end
  local whole = '^%-?%d%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?%d?$'
  if not (string.find(before, whole) and string.find(amount, whole)) then return nil end
  local result = tonumber(before) + tonumber(amount)
  return result == 0 and '0' or string.format('%.0f', result)
end

local bound, culprit = math.max(most, size), 0
for i = 8, #ARGV, 4 do
  local kind, name, value, initial = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local before, present, index = size, names[name] and data[names[name] + 1], num((i - 8) / 4)
  if kind == 'set' then
    put(name, value)
  elseif kind == 'delete' then
    remove(name)
  elseif kind == 'append' then
    local items = present or (initial ~= '' and initial or '[]')
    if string.sub(items, 1, 1) ~= '[' then return answer('rejected', index, '"type"') end
    put(name, items == '[]' and '[' .. value .. ']' or string.sub(items, 1, -2) .. ',' .. value .. ']')
  elseif kind == 'add' then
    local total = sum(present or (initial ~= '' and initial or '0'), value)
    if total == false then return answer('rejected', index, '"type"') end
    if total == nil then return answer('read', record(id, load(id))) end
    put(name, total)
  else
    return answer('read', record(id, load(id)))
  end
  if before <= bound and size > bound then culprit = index end
end
if size > bound then return answer('rejected', culprit, '"size"') end
s[VERSION] = s[VERSION] + 1
if schema ~= '' then s[SCHEMA] = tonumber(schema) end
remember(s, operation)
tell('s', id)
save(id, s)
return answer('ok', record(id, s))
`

/** Arguments: id, operation id, version that the data was made from, schema version or '', then fields and values. */
export const WRITE = `
local id, operation, version, schema = ARGV[3], ARGV[4], tonumber(ARGV[5]), ARGV[6]
local s, t = live(id)
if not s then return answer('gone', tombstone(id, t)) end
if has(s, operation) then return answer('ok', record(id, s)) end
if version ~= s[VERSION] then return answer('changed', record(id, s)) end
s[DATA] = {}
for i = 7, #ARGV do s[DATA][i - 6] = ARGV[i] end
s[VERSION] = s[VERSION] + 1
if schema ~= '' then s[SCHEMA] = tonumber(schema) end
remember(s, operation)
tell('s', id)
save(id, s)
return answer('ok', record(id, s))
`

/** Arguments: id, revision wanted, next revision, the rotating half. A change that has been applied already is `ok` again. */
export const ROTATE = `
local id, wanted, revision, rotation = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local s, t = live(id)
if not s then return answer('gone', tombstone(id, t)) end
if s[ROTATION] == rotation then return answer('ok', record(id, s)) end
if s[REVISION] ~= wanted then return answer('conflict', record(id, s)) end
s[REVISION], s[ROTATION] = revision, rotation
tell('s', id)
save(id, s)
return answer('ok', record(id, s))
`

/** Arguments per touch: id, milliseconds ago, revision wanted or '', next revision, the rotating half. */
export const TOUCH = `
for i = 3, #ARGV, 5 do
  local id, wanted = ARGV[i], tonumber(ARGV[i + 2])
  local s = live(id)
  if s then
    local usedAt = math.min(math.floor(now - tonumber(ARGV[i + 1])), now)
    local later, rotates = usedAt > s[SEEN], wanted ~= nil and s[REVISION] == wanted
    if later then s[SEEN] = usedAt end
    if rotates then
      s[REVISION], s[ROTATION] = tonumber(ARGV[i + 3]), ARGV[i + 4]
      tell('s', id)
    end
    if later then call('ZADD', D, num(deadline(s)), id) end
    if later or rotates then save(id, s) end
  end
end
return answer('ok')
`

/** Arguments: the user, how many, and after which time of creation and id ('' for the newest). */
export const LIST = `${ON_PRIMARY}
local user, limit, at, after = ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5]), ARGV[6]
local found = {}
for _, entry in ipairs(liveOf(user)) do
  if entry.state == 'l' and (not at or entry.at < at or (entry.at == at and entry.id < after)) then found[#found + 1] = entry end
end
table.sort(found, function(a, b) return a.at > b.at or (a.at == b.at and a.id > b.id) end)
local records = {}
for i = 1, math.min(limit, #found) do records[i] = record(found[i].id, load(found[i].id)) end
return answer('ok', '[' .. table.concat(records, ',') .. ']', #found > limit and 'true' or 'false')
`
