// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/script.hpp"

namespace streamutils::redis {

// An error in a script does not undo what it has written, so everything that can fail is looked at first: types,
// numbers and permissions. Lack of memory, a read-only replica and the like are refused by Redis before the first
// write.
const std::string_view kChunkScript = R"lua(
local call, pcall, acl = redis.call, redis.pcall, redis.acl_check_cmd
local number, writer, types = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local ttl = ARGV[4] ~= '0' and ARGV[4]  -- a string: Redis would print a number with printf
local sequence = KEYS[1]
local at = tonumber(call('HGET', sequence, writer) or '0')
if at >= number then return at end
if at ~= number - 1 then return {'SEQUENCE', sequence, tostring(at)} end

-- Exact decimals in plain digits, as strings: a counter of cents must not drift.
local function split(text)
  if not text or #text > 400 then return nil end
  return string.match(text, '^(-?)(%d+)%.?(%d*)$')
end
local function canonical(text) return text == '0' or string.find(text, '^-?[1-9]%d*$') end
-- The sum's text, or nil when INCRBY can do it.
local function add(a, b)
  local a_sign, a_whole, a_part = split(a)
  local b_sign, b_whole, b_part = split(b)
  if #a < 16 and #b < 16 and canonical(a) and canonical(b) then return nil end
  local scale = math.max(#a_part, #b_part)
  local x = a_whole .. a_part .. string.rep('0', scale - #a_part)
  local y = b_whole .. b_part .. string.rep('0', scale - #b_part)
  local length = math.ceil(math.max(#x, #y) / 7) * 7
  x = string.rep('0', length - #x) .. x
  y = string.rep('0', length - #y) .. y
  local same = a_sign == b_sign
  if not same and x < y then
    x, y, a_sign = y, x, b_sign
  end
  local limbs, carry = {}, 0
  for i = length / 7, 1, -1 do
    local p, q = tonumber(string.sub(x, i * 7 - 6, i * 7)), tonumber(string.sub(y, i * 7 - 6, i * 7))
    local sum
    if same then
      sum = p + q + carry
      carry = sum >= 10000000 and 1 or 0
      sum = sum - carry * 10000000
    else
      sum = p - q - carry
      carry = sum < 0 and 1 or 0
      sum = sum + carry * 10000000
    end
    limbs[i] = string.format('%07d', sum)
  end
  local digits = (same and carry == 1 and '1' or '') .. table.concat(limbs)
  local whole = string.gsub(string.sub(digits, 1, #digits - scale), '^0+', '')
  local part = scale > 0 and string.gsub(string.sub(digits, -scale), '0+$', '') or ''
  if whole == '' then whole = '0' end
  if part ~= '' then whole = whole .. '.' .. part end
  if a_sign == '-' and whole ~= '0' then whole = '-' .. whole end
  return whole
end

local sizes = {h = 'HLEN', z = 'ZCARD', s = 'STRLEN', c = 'GET', t = 'XLEN'}
local commands = {
  h = {{'HSET', 'f', 'v'}, {'HDEL', 'f'}}, z = {{'ZADD', '1', 'm'}, {'ZREM', 'm'}}, s = {{'SET', 'v'}, {'DEL'}},
  c = {{'INCRBY', '1'}, {'SET', 'v'}}, t = {{'XADD', '*', 'f', 'v'}}
}
local counters, renewed, checked = {}, {}, {}
for i = 2, #KEYS do
  local key, letter = KEYS[i], string.sub(types, i - 1, i - 1)
  local kind = string.lower(letter)
  if kind ~= letter then renewed[#renewed + 1] = key end
  local there = pcall(sizes[kind], key)
  if type(there) == 'table' then return {'WRONGTYPE', key, kind} end
  if kind == 'c' then
    if not there then there = '0' end
    if not split(there) then return {'WRONGTYPE', key, 'n'} end
    counters[i] = there
  end
  -- Redis itself has checked our keys, since they are declared; the commands are left.
  if acl and not checked[kind] then
    checked[kind] = true
    for _, command in ipairs(commands[kind]) do
      if not acl(command[1], key, unpack(command, 2)) then return {'NOPERM', key, command[1]} end
    end
    if ttl and not acl('PEXPIRE', key, '1') then return {'NOPERM', key, 'PEXPIRE'} end
  end
end
local channels = tonumber(ARGV[5])
if acl then
  for i = 6, 5 + channels do
    if not acl('PUBLISH', ARGV[i], '') then return {'NOPERM', ARGV[i], 'PUBLISH'} end
  end
end

-- Hashes of one shape share their names: {name, value, name, value, …}, the values filled in for each.
local i, last = 6 + channels, #ARGV
local shapes = {}
for shape = 1, tonumber(ARGV[i]) do
  local n = tonumber(ARGV[i + 1])
  local pairs = {}
  for j = 1, n do pairs[2 * j - 1] = ARGV[i + 1 + j] end
  shapes[shape] = {pairs, n}
  i = i + 1 + n
end
i = i + 1

local at, pairs, n = 1, nil, 0  -- the key and the shape of the operation before
while i <= last do
  local operation = ARGV[i]
  if operation == 'H' then  -- the next key, the same shape: what nearly all operations are
    at = at + 1
    for j = 1, n do pairs[2 * j] = ARGV[i + j] end
    call('HSET', KEYS[at], unpack(pairs, 1, 2 * n))
    i = i + 1 + n
  elseif operation == 'p' then
    call('PUBLISH', ARGV[5 + tonumber(ARGV[i + 1])], ARGV[i + 2])
    i = i + 3
  else
    at = tonumber(ARGV[i + 1])
    local key = KEYS[at]
    if operation == 'h' or operation == 'a' then
      local shape = shapes[tonumber(ARGV[i + 2])]
      pairs, n = shape[1], shape[2]
      for j = 1, n do pairs[2 * j] = ARGV[i + 2 + j] end
      if operation == 'h' then
        call('HSET', key, unpack(pairs, 1, 2 * n))
      else
        call('XADD', key, '*', unpack(pairs, 1, 2 * n))
      end
      i = i + 3 + n
    elseif operation == 'd' then
      local count = tonumber(ARGV[i + 2])
      call('HDEL', key, unpack(ARGV, i + 3, i + 2 + count))
      i = i + 3 + count
    elseif operation == 'z' then
      call('ZADD', key, ARGV[i + 2], ARGV[i + 3])
      i = i + 4
    elseif operation == 'y' then
      call('ZREM', key, ARGV[i + 2])
      i = i + 3
    elseif operation == 's' then
      call('SET', key, ARGV[i + 2])
      i = i + 3
    elseif operation == 'x' then
      call('DEL', key)
      i = i + 2
    else  -- 'c'
      local value = add(counters[at], ARGV[i + 2])
      if value then
        call('SET', key, value, 'KEEPTTL')
      else
        call('INCRBY', key, ARGV[i + 2])
      end
      i = i + 3
    end
  end
end
if ttl then
  for _, key in ipairs(renewed) do call('PEXPIRE', key, ttl) end
end
call('HSET', sequence, writer, number)
call('PEXPIRE', sequence, 86400000)
return number
)lua";

}  // namespace streamutils::redis
