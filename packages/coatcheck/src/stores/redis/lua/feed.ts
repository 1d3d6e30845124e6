/** Whether changes may be told, and where: an empty message, which nobody minds. The answer is the channel, as JSON. */
export const CHANNEL = `
local told = redis.pcall('SPUBLISH', CHANGES, '')
if type(told) == 'table' and told.err then return answer('refused') end
return answer('ok', cjson.encode(CHANGES))
`

/**
 * The number of the last change that was told. A write, though it changes nothing: a replica, a primary that is cut off from
 * its replicas or that has lost its slot refuses it, and one whose memory is full does not.
 */
export const PROOF = `
call('ZREM', X, '')
local number = tonumber(call('HGET', U, 'told') or nil) or firstNumber()
extend(U, keep)
return answer('ok', string.format('%.0f', number))
`

/**
 * Which server this is: the history that it writes (a promotion begins another), whether it is one of a Cluster, and which
 * slots it has then, as `CLUSTER NODES` names them, those on the move among them. Works on no keys. Argument: a mark, which
 * ends the answer, a list in JSON.
 */
export const PLACE = `
local history = string.match(redis.call('INFO', 'replication'), 'master_replid:(%w+)') or ''
if not string.find(redis.call('INFO', 'cluster'), 'cluster_enabled:1', 1, true) then
  return '["' .. history .. '",null,"' .. ARGV[1] .. '"]'
end
local slots = ''
for line in string.gmatch(redis.call('CLUSTER', 'NODES'), '[^\\n]+') do
  local flags, rest = string.match(line, '^%S+ %S+ (%S+) %S+ %S+ %S+ %S+ %S+(.*)$')
  if flags and string.find(flags, 'myself', 1, true) then slots = rest end
end
return '["' .. history .. '","' .. slots .. '","' .. ARGV[1] .. '"]'
`
