// SPDX-License-Identifier: Apache-2.0
#include "lib/redis/script.hpp"

namespace streamutils::redis {

namespace {

// Each head says whether the chunk is to be applied, and defines move(), which moves the sequence or the cursor behind
// it, and save() and reads, or nil: what keeps that which an operation will replace, and the commands that takes.
constexpr std::string_view kSequenceHead = R"lua(
local call, pcall, acl = redis.call, redis.pcall, redis.acl_check_cmd
local sequence, number, writer = KEYS[1], tonumber(ARGV[1]), ARGV[2]
local stored = tonumber(call('HGET', sequence, writer) or '0')
if stored >= number then return stored end
if stored ~= number - 1 then return {'SEQUENCE', sequence, tostring(stored)} end
local function move()
  call('HSET', sequence, writer, number)
  call('PEXPIRE', sequence, 86400000)
  return number
end
local save, reads
)lua";

constexpr std::string_view kCursorHead = R"lua(
local call, pcall, acl = redis.call, redis.pcall, redis.acl_check_cmd
local cursor, generation = KEYS[1], tonumber(ARGV[1])
local after_epoch, after_chunk, epoch, chunk = string.match(ARGV[2], '^(%d+)%-(%d+) (%d+)%-(%d+)$')
local stored = call('HMGET', cursor, 'generation', 'epoch', 'chunk')
local g, e, c = tonumber(stored[1]), tonumber(stored[2]), tonumber(stored[3])
local there = g and e and c and g == generation
if there and (e > tonumber(epoch) or e == tonumber(epoch) and c >= tonumber(chunk)) then return 0 end
if not there or e ~= tonumber(after_epoch) or c ~= tonumber(after_chunk) then
  return {'CURSOR', stored[1], stored[2], stored[3]}
end
local function move()
  call('HSET', cursor, 'epoch', epoch, 'chunk', chunk)
  return 1
end
local save, reads
)lua";

// With a chunk that is shown before its epoch is decided: the cursor's hash has the fields shown_epoch and shown_chunk,
// which move with the chunks, and "undo E-C" for each chunk that is shown and not settled: what it found where it
// wrote.
constexpr std::string_view kShowHead = R"lua(
local call, pcall, acl = redis.call, redis.pcall, redis.acl_check_cmd
local cursor, generation = KEYS[1], tonumber(ARGV[1])
local stored = call('HMGET', cursor, 'generation', 'shown_epoch', 'shown_chunk', 'epoch', 'chunk')
local g, e, c = tonumber(stored[1]), tonumber(stored[2]), tonumber(stored[3])
local there = g and e and c and g == generation
local function reached(a_epoch, a_chunk, epoch, chunk)
  return a_epoch > epoch or a_epoch == epoch and a_chunk >= chunk
end

local settled_epoch, settled_chunk = string.match(ARGV[2], '^settle (%d+)%-(%d+)$')
if settled_epoch then
  local epoch, chunk = tonumber(settled_epoch), tonumber(settled_chunk)
  if not there or not reached(e, c, epoch, chunk) then return {'CURSOR', stored[1], stored[2], stored[3]} end
  if reached(tonumber(stored[4]), tonumber(stored[5]), epoch, chunk) then return 0 end
  call('HSET', cursor, 'epoch', settled_epoch, 'chunk', settled_chunk)
  for _, name in ipairs(call('HKEYS', cursor)) do
    local undo_epoch, undo_chunk = string.match(name, '^undo (%d+)%-(%d+)$')
    if undo_epoch and reached(epoch, chunk, tonumber(undo_epoch), tonumber(undo_chunk)) then
      call('HDEL', cursor, name)
    end
  end
  return 1
end

local after_epoch, after_chunk, epoch, chunk = string.match(ARGV[2], '^(%d+)%-(%d+) (%d+)%-(%d+)$')
if there and reached(e, c, tonumber(epoch), tonumber(chunk)) then return 0 end
if not there or e ~= tonumber(after_epoch) or c ~= tonumber(after_chunk) then
  return {'CURSOR', stored[1], stored[2], stored[3]}
end
local time = call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local found = {}
local reads = {h = {{'HMGET', 'f'}}, z = {{'ZSCORE', 'm'}}, s = {{'GET'}}, c = {{'GET'}}, t = {{'XDEL', '0-1'}}}
for _, commands in pairs(reads) do
  commands[2], commands[3], commands[4] = {'PTTL'}, {'PERSIST'}, {'PEXPIREAT', '1'}
end
-- Before an operation: {kind, key, when it would have expired, name, value, name, value, …}; of a string {…, value}. In
-- the third place: '' never, false the key was not there. A value that was not there is false.
local function save(kind, key, names)
  local at = pcall('PEXPIRETIME', key)  -- as of Redis 7
  if type(at) == 'table' then
    at = call('PTTL', key)
    if at >= 0 then at = now + at end
  end
  local entry = {kind, key, at >= 0 and string.format('%.0f', at) or at == -1 and ''}
  if kind == 's' then
    entry[4] = call('GET', key)
  elseif kind == 'h' then
    local values = call('HMGET', key, unpack(names))
    for i = 1, #names do
      entry[2 + 2 * i] = names[i]
      entry[3 + 2 * i] = values[i]
    end
  else  -- 'z' a member, 't' an entry of a stream, which has been made
    entry[4] = names
    entry[5] = kind == 'z' and call('ZSCORE', key, names)
  end
  found[#found + 1] = entry
end
local function move()
  call('HSET', cursor, 'shown_epoch', epoch, 'shown_chunk', chunk, 'undo ' .. epoch .. '-' .. chunk,
       cmsgpack.pack(found))
  return 1
end
)lua";

// An error in a script does not undo what it has written, so everything that can fail is looked at first: types,
// numbers and permissions. Lack of memory, a read-only replica and the like are refused by Redis before the first
// write.
constexpr std::string_view kBody = R"lua(
local types = ARGV[3]
local ttl = ARGV[4] ~= '0' and ARGV[4]  -- a string: Redis would print a number with printf

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
    for _, command in ipairs(reads and reads[kind] or {}) do
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
  local pairs, names = {}, {}
  for j = 1, n do
    names[j] = ARGV[i + 1 + j]
    pairs[2 * j - 1] = names[j]
  end
  shapes[shape] = {pairs, n, names}
  i = i + 1 + n
end
i = i + 1

local at, pairs, n, names = 1, nil, 0, nil  -- the key and the shape of the operation before
while i <= last do
  local operation = ARGV[i]
  if operation == 'H' then  -- the next key, the same shape: what nearly all operations are
    at = at + 1
    for j = 1, n do pairs[2 * j] = ARGV[i + j] end
    if save then save('h', KEYS[at], names) end
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
      pairs, n, names = shape[1], shape[2], shape[3]
      for j = 1, n do pairs[2 * j] = ARGV[i + 2 + j] end
      if operation == 'h' then
        if save then save('h', key, names) end
        call('HSET', key, unpack(pairs, 1, 2 * n))
      else
        local id = call('XADD', key, '*', unpack(pairs, 1, 2 * n))
        if save then save('t', key, id) end
      end
      i = i + 3 + n
    elseif operation == 'd' then
      local count = tonumber(ARGV[i + 2])
      if save then save('h', key, {unpack(ARGV, i + 3, i + 2 + count)}) end
      call('HDEL', key, unpack(ARGV, i + 3, i + 2 + count))
      i = i + 3 + count
    elseif operation == 'z' then
      if save then save('z', key, ARGV[i + 3]) end
      call('ZADD', key, ARGV[i + 2], ARGV[i + 3])
      i = i + 4
    elseif operation == 'y' then
      if save then save('z', key, ARGV[i + 2]) end
      call('ZREM', key, ARGV[i + 2])
      i = i + 3
    elseif operation == 's' then
      if save then save('s', key) end
      call('SET', key, ARGV[i + 2])
      i = i + 3
    elseif operation == 'x' then
      if save then save('s', key) end
      call('DEL', key)
      i = i + 2
    else  -- 'c'
      local value = add(counters[at], ARGV[i + 2])
      if save then save('s', key) end
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
return move()
)lua";

}  // namespace

const std::string kSequenceScript = std::string(kSequenceHead).append(kBody);
const std::string kCursorScript = std::string(kCursorHead).append(kBody);
const std::string kShowScript = std::string(kShowHead).append(kBody);

const std::string_view kFenceScript = R"lua(
local call = redis.call
local cursor, generation, mode = KEYS[1], tonumber(ARGV[1]), ARGV[2]  -- mode: 'reset', 'rewind' or ''
local first_epoch, first_chunk = string.match(ARGV[3], '^(%d+)%-(%d+)$')
local last_epoch, last_chunk = string.match(ARGV[4], '^(%d+)%-(%d+)$')
local stored = call('HMGET', cursor, 'generation', 'epoch', 'chunk')
local g, e, c = tonumber(stored[1]), tonumber(stored[2]), tonumber(stored[3])
local no = {'CURSOR', stored[1], stored[2], stored[3]}
if g and g > generation then return no end
local function before(a_epoch, a_chunk, b_epoch, b_chunk)
  a_epoch, b_epoch = tonumber(a_epoch), tonumber(b_epoch)
  return a_epoch < b_epoch or a_epoch == b_epoch and tonumber(a_chunk) < tonumber(b_chunk)
end

-- What was shown and not settled is taken back, newest first: it will come again, or not, as the records say.
local function restore(entry)
  local kind, key, deadline = entry[1], entry[2], entry[3]
  if kind == 's' then
    if entry[4] then call('SET', key, entry[4]) else call('DEL', key) end
  elseif kind == 't' then
    call('XDEL', key, entry[4])
  else
    for i = 4, #entry, 2 do
      local name, value = entry[i], entry[i + 1]
      if kind == 'h' then
        if value then call('HSET', key, name, value) else call('HDEL', key, name) end
      elseif value then
        call('ZADD', key, value, name)
      else
        call('ZREM', key, name)
      end
    end
  end
  if deadline == '' then
    call('PERSIST', key)
  elseif deadline then
    call('PEXPIREAT', key, deadline)
  end
end
local kinds = {h = 'hash', z = 'zset', s = 'string', t = 'stream'}
local function take_back()
  local undone = {}
  for _, name in ipairs(call('HKEYS', cursor)) do
    local undo_epoch, undo_chunk = string.match(name, '^undo (%d+)%-(%d+)$')
    if undo_epoch and e and before(e, c, undo_epoch, undo_chunk) then
      undone[#undone + 1] = {tonumber(undo_epoch), tonumber(undo_chunk), name}
    elseif undo_epoch then
      call('HDEL', cursor, name)  -- settled
    end
  end
  for _, chunk in ipairs(undone) do
    chunk[4] = cmsgpack.unpack(call('HGET', cursor, chunk[3]))
    for _, entry in ipairs(chunk[4]) do
      local kind = call('TYPE', entry[2]).ok
      if kind ~= 'none' and kind ~= kinds[entry[1]] then return {'WRONGTYPE', entry[2], entry[1]} end
    end
  end
  table.sort(undone, function(a, b) return not (a[1] < b[1] or a[1] == b[1] and a[2] <= b[2]) end)
  for _, chunk in ipairs(undone) do
    for i = #chunk[4], 1, -1 do restore(chunk[4][i]) end
    call('HDEL', cursor, chunk[3])
  end
end

local epoch, chunk = stored[2], stored[3]
if mode == 'reset' then
  epoch, chunk = last_epoch, last_chunk
elseif not stored[1] and not epoch and not chunk then
  if before('0', '0', last_epoch, last_chunk) then return no end
  epoch, chunk = '0', '0'
elseif not (g and e and c) or before(epoch, chunk, first_epoch, first_chunk) then
  return no
elseif before(last_epoch, last_chunk, epoch, chunk) then
  if mode ~= 'rewind' then return no end
  epoch, chunk = last_epoch, last_chunk
end
local problem = take_back()
if problem then return problem end
call('HSET', cursor, 'generation', ARGV[1], 'epoch', epoch, 'chunk', chunk)
if ARGV[5] == 'now' then
  call('HSET', cursor, 'shown_epoch', epoch, 'shown_chunk', chunk)
else
  call('HDEL', cursor, 'shown_epoch', 'shown_chunk')
end
return {'FENCED', ARGV[1], epoch, chunk}
)lua";

}  // namespace streamutils::redis
