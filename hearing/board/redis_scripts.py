"""The Lua of the Redis board. All its keys lie in one hash slot; all but the counter go when the last value has died.

`values` holds `version value` by name, `dies` the time of death in ms, `names` the names in their order. Every writing
script buries the dead first, so that a file of Redis holds no value that died before the last change. A change is
published as `version lifetime length-of-name`, a newline, the name, the value; a removal has the lifetime -1.
"""

from hearing.redis_link import Script

PARTS = ("values", "dies", "names", "version")

_NOW = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function lives(name) return tonumber(redis.call('ZSCORE', KEYS[2], name) or '0') > now end
local function value(name)
  local kept = redis.call('HGET', KEYS[1], name)
  return string.sub(kept, string.find(kept, ' ', 1, true) + 1)
end
"""

_BURY = (
    _NOW
    + """
local function forget(name)
  redis.call('HDEL', KEYS[1], name)
  redis.call('ZREM', KEYS[2], name)
  redis.call('ZREM', KEYS[3], name)
end
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', text(now))) do forget(name) end
local function tell(lifetime, name, given)
  local version = text(redis.call('INCR', KEYS[4]))
  redis.call('PUBLISH', ARGV[1], version .. ' ' .. lifetime .. ' ' .. #name .. '\\n' .. name .. given)
  return version
end
"""
)

_PUT = """
local function put()
  local version = tell(ARGV[4], ARGV[2], ARGV[3])
  redis.call('HSET', KEYS[1], ARGV[2], version .. ' ' .. ARGV[3])
  redis.call('ZADD', KEYS[2], text(now + ARGV[4]), ARGV[2])
  redis.call('ZADD', KEYS[3], 0, ARGV[2])
  local last = redis.call('ZRANGE', KEYS[2], -1, -1, 'WITHSCORES')[2]
  for part = 1, 3 do redis.call('PEXPIREAT', KEYS[part], text(last + 1)) end
  return version
end
local full = not lives(ARGV[2]) and redis.call('ZCARD', KEYS[3]) >= tonumber(ARGV[5])
"""

# ARGV: channel, name, value, lifetime in ms, most names. Answers the change's version, 0 where the board is full.
PUT = Script(
    _BURY
    + _PUT
    + """
if full then return '0' end
return put()
"""
)

# ARGV as for PUT. Answers the change's version, 0 where nothing changed, and the value that stands.
CLAIM = Script(
    _BURY
    + _PUT
    + """
if lives(ARGV[2]) then
  local held = value(ARGV[2])
  if held ~= ARGV[3] then return {'0', held} end
end
if full then return {'0', false} end
return {put(), ARGV[3]}
"""
)

# ARGV: channel, name. Answers the change's version, 0 where there was nothing.
REMOVE = Script(
    _BURY
    + """
if not lives(ARGV[2]) then return '0' end
forget(ARGV[2])
return tell('-1', ARGV[2], '')
"""
)

GET = Script(
    _NOW
    + """
return lives(ARGV[1]) and value(ARGV[1])
"""
)

# ARGV: the first name, and what is past the last one, as ZRANGEBYLEX has them.
NAMES = Script(
    _NOW
    + """
local living = {}
for _, name in ipairs(redis.call('ZRANGEBYLEX', KEYS[3], ARGV[1], ARGV[2])) do
  if lives(name) then living[#living + 1] = name end
end
return living
"""
)

# Answers the version of the last change, then name, value and what is left of its lifetime in ms, for each.
ALL = Script(
    _NOW
    + """
local all = {redis.call('GET', KEYS[4]) or '0'}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. text(now), '+inf')) do
  all[#all + 1] = name
  all[#all + 1] = value(name)
  all[#all + 1] = text(redis.call('ZSCORE', KEYS[2], name) - now)
end
return all
"""
)
