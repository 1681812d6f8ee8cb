"""The Lua of the Redis log: each script is one atomic step on the keys of one stream, all in one hash slot.

A record is an entry `0-<position>` of a Redis Stream with the fields s(ubject), c(ommitment), h (the chain's value),
n (the salt) and b(ody), in this order. `state` holds head, epoch and chain; `subjects` and `keys` hold positions.
"""

from hearing.redis_link import Script

CHANNEL = "grew"

_KEPT = """
local function text(number) return string.format('%.0f', number) end
local function kept(position)
  local found = redis.call('XRANGE', KEYS[1], '0-' .. text(position), '0-' .. text(position))
  return found[1] and found[1][2]
end
"""

# Redis has no SHA-256, so the chain is reckoned by who appends, on the head that it knows. An append that was reckoned
# on another head is not stored, and the true head is answered: reckon again. What a lost reply hid is found again by
# its commitment, which holds 16 random bytes. A repeat that finds its key writes too where replicas are waited for:
# WAIT is promised to count for what its own connection wrote, and for nothing else.
# ARGV: channel, stream, base head, base chain, whether this is a repeat, whether to write in any case, count; then
# for each append: key, subject, expectation (each '' for none), head and chain it was reckoned on, count of bodies;
# then for each body: salt, commitment, chain, body.
APPEND = Script(
    _KEPT
    + """
local head = tonumber(redis.call('HGET', KEYS[4], 'head') or '0')
local chain = redis.call('HGET', KEYS[4], 'chain') or string.rep('\\0', 32)
local base = tonumber(ARGV[3])
local base_chain = ARGV[4]
if base > 0 and (head ~= base or chain ~= base_chain) then
  local there = base <= head and kept(base)
  base_chain = there and there[6] or ''
end
local answers, stored, i = {}, false, 8
for _ = 1, tonumber(ARGV[7]) do
  local key, subject, expect = ARGV[i], ARGV[i + 1], ARGV[i + 2]
  local at, before, count = tonumber(ARGV[i + 3]), ARGV[i + 4], tonumber(ARGV[i + 5])
  local first = i + 6
  local answer
  i = first + 4 * count
  if ARGV[5] == '1' and at < head then
    local there = kept(at + 1)
    if there and there[4] == ARGV[first + 1] then answer = {1, text(at + count)} end
  end
  if not answer and key ~= '' then
    local known = redis.call('HGET', KEYS[3], key)
    if known then answer = {1, known} end
  end
  if not answer and expect ~= '' then
    local found = text(head)
    if subject ~= '' then found = redis.call('HGET', KEYS[2], subject) or '0' end
    if found ~= expect then answer = {0, found} end
  end
  if not answer then
    if at ~= head or before ~= chain then break end
    for j = first, i - 1, 4 do
      head = head + 1
      chain = ARGV[j + 2]
      redis.call('XADD', KEYS[1], '0-' .. text(head), 's', subject, 'c', ARGV[j + 1], 'h', chain,
        'n', ARGV[j], 'b', ARGV[j + 3])
    end
    if subject ~= '' then redis.call('HSET', KEYS[2], subject, text(head)) end
    if key ~= '' then redis.call('HSET', KEYS[3], key, text(head)) end
    stored = true
    answer = {1, text(head)}
  end
  answers[#answers + 1] = answer
end
if stored then
  redis.call('HSETNX', KEYS[4], 'epoch', '1')
  redis.call('HSET', KEYS[4], 'head', text(head), 'chain', chain)
  redis.call('PUBLISH', ARGV[1], ARGV[2])
elseif ARGV[6] == '1' and #answers > 0 then
  redis.call('HSET', KEYS[4], 'asked', '1')
end
return {text(head), chain, redis.call('HGET', KEYS[4], 'epoch') or '1', base_chain, answers}
"""
)

# ARGV: after, limit, most bytes. Chunks keep what Lua holds at once small.
READ = Script("""
local left, room, out, from = tonumber(ARGV[2]), tonumber(ARGV[3]), {}, '(0-' .. ARGV[1]
while left > 0 do
  local asked = math.min(left, 16)
  local some = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', asked)
  for _, entry in ipairs(some) do
    room = room - #entry[2][10]
    if #out > 0 and room < 0 then return out end
    out[#out + 1] = entry[1]
    out[#out + 1] = entry[2][2]
    out[#out + 1] = entry[2][10]
  end
  if #some < asked then break end
  left = left - #some
  from = '(' .. some[#some][1]
end
return out
""")

# XDEL only marks an entry: its bytes stay in the node, and in the file that a rewrite makes of it. So the stream is
# built again, entry by entry under the same ids, without the bytes.
_REBUILD = """
local function rebuild(spare, empty)
  redis.call('DEL', spare)
  local from, some = '-', nil
  repeat
    some = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', 64)
    for _, entry in ipairs(some) do
      empty(entry[1], entry[2])
      redis.call('XADD', spare, entry[1], unpack(entry[2]))
      from = '(' .. entry[1]
    end
  until #some < 64
end
"""

# KEYS: records, spare. ARGV: position. Answers 0 for a position never used.
ERASE = Script(
    _KEPT
    + _REBUILD
    + """
local there = kept(tonumber(ARGV[1]))
if not there then return 0 end
if there[8] ~= '' or there[10] ~= '' then
  rebuild(KEYS[2], function(id, fields)
    if id == '0-' .. ARGV[1] then fields[8], fields[10] = '', '' end
  end)
  redis.call('RENAME', KEYS[2], KEYS[1])
end
return 1
"""
)

# KEYS: records, state, spare, subjects, keys. ARGV: channel, stream.
ERASE_ALL = Script(
    _REBUILD
    + """
if redis.call('EXISTS', KEYS[1], KEYS[2]) == 0 then return 0 end
local left = redis.call('EXISTS', KEYS[4], KEYS[5]) > 0
rebuild(KEYS[3], function(_, fields)
  left = left or fields[10] ~= ''
  fields[2], fields[8], fields[10] = '', '', ''
end)
if not left then
  redis.call('DEL', KEYS[3])
else
  if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('RENAME', KEYS[3], KEYS[1]) end
  redis.call('DEL', KEYS[4], KEYS[5])
  redis.call('HINCRBY', KEYS[2], 'epoch', 1)
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return 1
"""
)

# The server holds another past than the one that was acknowledged. KEYS: state. ARGV: channel, stream, known epoch.
RENEW = Script("""
local epoch, known = tonumber(redis.call('HGET', KEYS[1], 'epoch') or '1'), tonumber(ARGV[3])
if epoch <= known then
  epoch = known + 1
  redis.call('HSET', KEYS[1], 'epoch', string.format('%.0f', epoch))
  redis.call('PUBLISH', ARGV[1], ARGV[2])
end
return epoch
""")


def key(prefix: str, stream: str, part: str) -> str:
    """Name one key of a stream. What stands in braces decides the hash slot, so the stream's own are written out."""
    quoted = stream.replace("%", "%25").replace("{", "%7B").replace("}", "%7D")
    return f"{prefix}:{{{quoted}}}:{part}"
