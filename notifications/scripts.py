"""The Lua scripts that the log runs inside Redis, each of them at one stroke."""

# Appends once by uid. A repeat returns the cursor of the first time.
# KEYS: the stream, the uid's key; for a control entry also what is remembered of the
# person, which goes first: Redis lets a script go on that has begun to write, also
# when it is full. ARGV: the entry, entries kept, seconds remembered.
APPEND = """
local cursor = redis.call('GET', KEYS[2])
if KEYS[3] then redis.call('DEL', KEYS[3]) end
if not cursor then
    cursor = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
    redis.call('SET', KEYS[2], cursor, 'EX', ARGV[3])
end
if KEYS[3] then
    redis.call('HSET', KEYS[3], 'changed', cursor)
    redis.call('EXPIRE', KEYS[3], ARGV[3])
end
return cursor
"""

# Not when something changed after the cursor as of which it is so: numbers compared as
# text, since Lua's own are not exact.
# KEYS: what is remembered of a person. ARGV: the session, what is so, the cursor, for
# how many seconds, and for how many sessions at most.
REMEMBER = """
local function later(a, b)
    local ams, aseq = string.match(a, '(%d+)-(%d+)')
    local bms, bseq = string.match(b, '(%d+)-(%d+)')
    if ams == bms then ams, bms = aseq, bseq end
    return #ams > #bms or (#ams == #bms and ams > bms)
end
local changed = redis.call('HGET', KEYS[1], 'changed')
if changed and later(changed, ARGV[3]) then return 0 end
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[5]) then
    redis.call('DEL', KEYS[1])
    if changed then redis.call('HSET', KEYS[1], 'changed', changed) end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return 1
"""

# KEYS: the stream. ARGV: the entry that a new log starts with.
START = """
if redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('XADD', KEYS[1], '*', 'e', ARGV[1])
end
return redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1][1]
"""

# KEYS: the lock. ARGV: the token of who wants it, seconds.
RENEW = """
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'EX', ARGV[2])
return 1
"""

# KEYS: the lock. ARGV: the token of who holds it.
RELEASE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""
