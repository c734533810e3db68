-- Adds to a count and returns the sum as text: numbers here lose their last digits beyond 2^53.
-- ARGV: what to add; the lifetime of a count that begins, in milliseconds, or "endless", or "none" to keep nothing.
local function is_count(text)
  return (text == '0' or string.match(text, '^[1-9]%d*$')) and (#text < 19 or #text == 19 and text <= '9223372036854775807')
end
local found = redis.call('GET', KEYS[1])
if found and not is_count(found) then
  return 'not a count'
end
if not is_count(ARGV[1]) then
  return 'too large'
end
if not found then
  if ARGV[2] == 'endless' then
    redis.call('SET', KEYS[1], ARGV[1])
  elseif ARGV[2] ~= 'none' then
    redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  end
  return ARGV[1]
end
-- Keeps the lifetime that the count began with; fails, and changes nothing, beyond the largest.
local sum = redis.pcall('INCRBY', KEYS[1], ARGV[1])
if type(sum) ~= 'table' then
  return redis.call('GET', KEYS[1])
end
if string.find(sum.err, 'overflow', 1, true) then
  return 'too large'
end
return sum
