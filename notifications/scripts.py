"""The Lua scripts that the log runs inside Redis, each of them at one stroke."""

# Appends once by uid. A repeat returns the cursor of the first time.
# KEYS: the stream, the uid's key. ARGV: the entry, entries kept, seconds remembered.
APPEND = """
local known = redis.call('GET', KEYS[2])
if known then return known end
local cursor = redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], '*', 'e', ARGV[1])
redis.call('SET', KEYS[2], cursor, 'EX', ARGV[3])
return cursor
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
