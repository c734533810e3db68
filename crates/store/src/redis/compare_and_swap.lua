-- Replaces a value if it is the expected one, and says whether it did.
-- ARGV: 1 if a value is expected, else 0; that value; the lifetime of the new one in milliseconds, or "endless", or "none" to delete; the new value.
local found = redis.call('GET', KEYS[1])
if ARGV[1] == '0' and found or ARGV[1] == '1' and found ~= ARGV[2] then
  return 0
end
if ARGV[3] == 'none' then
  redis.call('DEL', KEYS[1])
elseif ARGV[3] == 'endless' then
  redis.call('SET', KEYS[1], ARGV[4])
else
  redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[3])
end
return 1
