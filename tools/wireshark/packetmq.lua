-- Wireshark's dissector of packetmq, for every program: the names of the packets are on the wire, in
-- the handshake, and msgpack says what is in a payload. PROTOCOL.md in this repository is the source.
--
-- Copy this file into the folder "Personal Lua Plugins" of Help > About Wireshark > Folders, or
--
--     tshark -X lua_script:tools/wireshark/packetmq.lua -r file.pcap
--
-- A conn is recognised by its first frame. One whose first frame is not in the capture, or that does
-- without a handshake, is by its port, which the preferences take (-o packetmq.ports:7000), or by
-- Analyze > Decode As. Inside WebSocket it is the subprotocol packetmq.1.

local packetmq = Proto("packetmq", "packetmq")
local in_messages = Proto("packetmq_ws", "packetmq in WebSocket") -- what WebSocket's dissector calls

packetmq.prefs.ports = Pref.string("TCP ports", "", "Ports whose conns are packetmq, such as 7000 or 7000-7010,8000")
packetmq.prefs.heuristic = Pref.bool("Recognise conns by their first frame", true, "On any TCP port")
packetmq.prefs.max_frame = Pref.uint("Longest frame", 16 * 1024 * 1024, "In bytes. What announces more is not gathered")

local f = packetmq.fields
f.length = ProtoField.uint32("packetmq.length", "Length", base.DEC, nil, nil, "Of the id and the payload, in bytes")
f.id = ProtoField.uint16("packetmq.id", "Packet id")
f.name = ProtoField.string("packetmq.name", "Packet")
f.payload = ProtoField.bytes("packetmq.payload", "Payload")
f.value = ProtoField.string("packetmq.value", "Value", base.NONE, "One value of the payload, with the way to it, such as user.name=ada")
f.reason = ProtoField.string("packetmq.reason", "Reason")
f.adapt = ProtoField.bool("packetmq.adapt", "Adapts")
f.idmap = ProtoField.string("packetmq.idmap", "Id and name")
f.call_id = ProtoField.uint64("packetmq.call.id", "Call")
f.call_kind = ProtoField.string("packetmq.call.kind", "Kind of the call's packet")
f.call_ms = ProtoField.uint64("packetmq.call.ms", "Milliseconds left")
f.call_error = ProtoField.string("packetmq.call.error", "Error of the call")
f.answered_in = ProtoField.framenum("packetmq.answered_in", "Answered in", base.NONE, frametype.RESPONSE)
f.answer_to = ProtoField.framenum("packetmq.answer_to", "Answer to", base.NONE, frametype.REQUEST)
f.answer_time = ProtoField.relative_time("packetmq.answer_time", "Time until the answer")
f.session = ProtoField.string("packetmq.session", "Session message")

local e_malformed = ProtoExpert.new("packetmq.malformed", "Malformed", expert.group.MALFORMED, expert.severity.WARN)
local e_reason = ProtoExpert.new("packetmq.ended", "The conversation is ended", expert.group.SEQUENCE, expert.severity.NOTE)
packetmq.experts = { e_malformed, e_reason }

local tcp_stream = Field.new("tcp.stream")

local internal = {
  [0] = "packetmq:handshake_init", [1] = "packetmq:softquit", [2] = "packetmq:handshake_pubids",
  [3] = "packetmq:handshake_finish", [14] = "packetmq:ping", [15] = "packetmq:pong",
}
local features = { [10] = "packetmq:carried", [11] = "packetmq:state", [12] = "packetmq:session", [13] = "packetmq:update" }
local session_kinds = { [1] = "begin", [2] = "resume", [3] = "accepted", [4] = "refused", [5] = "ack" }
local state_kinds = { [0] = "snapshot begins", [1] = "tick", [2] = "snapshot ends", [3] = "removed", [4] = "ends", [5] = "acknowledged" }

-- Bounds of what is shown of one payload, so that no packet takes Wireshark's memory or time.
local max_depth, max_values, max_text = 40, 2000, 200

-- conns has what the sides of each conn have told, by the number of the TCP stream.
local conns = {}

function packetmq.init() conns = {} end

-- conn_of returns what is known of the conn of a packet.
local function conn_of()
  local stream = tcp_stream()
  local key = stream and stream.value or 0
  local c = conns[key]
  if not c then
    c = { names = {}, known = {}, calls = {}, before = {}, rest = {} }
    conns[key] = c
  end
  return c
end

-- Msgpack ------------------------------------------------------------------------------------------

-- A reader walks over the msgpack of a payload. Faults are errors that are tables, which dissect_value
-- turns into a note; nothing else is raised on purpose.
local Reader = {}
Reader.__index = Reader

local function fault(text) error({ fault = text }, 0) end

function Reader.new(tvb, offset) return setmetatable({ tvb = tvb, at = offset, values = 0 }, Reader) end

function Reader:range(n)
  if n < 0 or self.at + n > self.tvb:len() then fault("a value is cut short") end
  local r = self.tvb(self.at, n)
  self.at = self.at + n
  return r
end

function Reader:bytes(n)
  if n == 0 then return "" end
  return self:range(n):raw()
end

function Reader:uint(n)
  local r = self:range(n)
  if n == 8 then return r:uint64() end
  return r:uint()
end

function Reader:int(n)
  local r = self:range(n)
  if n == 8 then return r:int64() end
  return r:int()
end

-- clean makes bytes fit for the tree: no control characters, and not too long.
local function clean(s)
  local cut = #s > max_text
  s = s:sub(1, max_text):gsub("%c", ".")
  if cut then s = s .. "..." end
  return s
end

local function hex(s)
  local t = {}
  for i = 1, math.min(#s, 32) do t[i] = string.format("%02x", s:byte(i)) end
  return table.concat(t) .. (#s > 32 and "..." or "")
end

-- next reads the head of one value: its kind, and the value, or the number of its elements.
function Reader:next()
  self.values = self.values + 1
  if self.values > max_values then fault("there are more values than are shown") end
  local c = self:range(1):uint()
  if c <= 0x7f then return "int", c end
  if c <= 0x8f then return "map", c - 0x80 end
  if c <= 0x9f then return "array", c - 0x90 end
  if c <= 0xbf then return "text", self:bytes(c - 0xa0) end
  if c >= 0xe0 then return "int", c - 256 end
  if c == 0xc0 then return "nil" end
  if c == 0xc2 then return "bool", false end
  if c == 0xc3 then return "bool", true end
  if c == 0xc4 then return "bin", self:bytes(self:uint(1)) end
  if c == 0xc5 then return "bin", self:bytes(self:uint(2)) end
  if c == 0xc6 then return "bin", self:bytes(self:uint(4)) end
  if c == 0xc7 then return self:ext(self:uint(1)) end
  if c == 0xc8 then return self:ext(self:uint(2)) end
  if c == 0xc9 then return self:ext(self:uint(4)) end
  if c == 0xca then return "float", self:range(4):float() end
  if c == 0xcb then return "float", self:range(8):float() end
  if c >= 0xcc and c <= 0xcf then return "int", self:uint(2 ^ (c - 0xcc)) end
  if c >= 0xd0 and c <= 0xd3 then return "int", self:int(2 ^ (c - 0xd0)) end
  if c >= 0xd4 and c <= 0xd8 then return self:ext(2 ^ (c - 0xd4)) end
  if c == 0xd9 then return "text", self:bytes(self:uint(1)) end
  if c == 0xda then return "text", self:bytes(self:uint(2)) end
  if c == 0xdb then return "text", self:bytes(self:uint(4)) end
  if c == 0xdc then return "array", self:uint(2) end
  if c == 0xdd then return "array", self:uint(4) end
  if c == 0xde then return "map", self:uint(2) end
  if c == 0xdf then return "map", self:uint(4) end
  fault(string.format("0x%02x begins no value", c))
end

function Reader:ext(n)
  local kind = self:range(1):int()
  local body = self:bytes(n)
  if kind == -1 and (n == 4 or n == 8 or n == 12) then return "time", hex(body) end
  return "ext", string.format("type %d, %s", kind, hex(body))
end

-- shown is a scalar for people.
local function shown(kind, v)
  if kind == "nil" then return "nil" end
  if kind == "text" then return clean(v) end
  if kind == "bin" then return string.format("%d bytes %s", #v, hex(v)) end
  return tostring(v)
end

-- add adds the next value to the tree, under label, with path being the way to it. It returns its kind
-- and, of a scalar, the value.
function Reader:add(tree, label, path, depth)
  if depth > max_depth then fault("it is nested deeper than is shown") end
  local start = self.at
  local kind, v = self:next()
  if kind ~= "map" and kind ~= "array" then
    local text = shown(kind, v)
    local item = tree:add(f.value, self.tvb(start, self.at - start), (path ~= "" and path .. "=" or "") .. text)
    item:set_text(label .. ": " .. text)
    return kind, v
  end
  local n = v
  local item = tree:add(packetmq, self.tvb(start), string.format("%s: %s of %s", label, kind, tostring(n)))
  for i = 1, n do
    local name = "[" .. (i - 1) .. "]"
    local way = path .. name
    if kind == "map" then
      local key_kind, key = self:next()
      if key_kind == "map" or key_kind == "array" then fault("a key is a " .. key_kind) end
      name = shown(key_kind, key)
      if key_kind == "bin" then name = clean(key) end
      way = path ~= "" and path .. "." .. name or name
    end
    self:add(item, name, way, depth + 1)
  end
  item:set_len(self.at - start)
  return kind, v
end

-- skip passes over the next value.
function Reader:skip(depth)
  depth = depth or 0
  if depth > max_depth then fault("it is nested deeper than is read") end
  local kind, v = self:next()
  if kind == "array" then for _ = 1, v do self:skip(depth + 1) end end
  if kind == "map" then for _ = 1, 2 * v do self:skip(depth + 1) end end
  return kind, v
end

-- guarded calls fn, and returns the fault that it met, or nil.
local function guarded(fn)
  local ok, err = pcall(fn)
  if ok then return nil end
  if type(err) == "table" and err.fault then return err.fault end
  return tostring(err) -- of Wireshark: a range that is not there, for one
end

-- What the sides tell ------------------------------------------------------------------------------

-- read_ids reads a map of names to ids from r, and calls told with each.
local function read_ids(r, told)
  local kind, n = r:next()
  if kind ~= "map" then fault("the ids are no map") end
  for _ = 1, n do
    local start = r.at
    local key_kind, name = r:next()
    local id_kind, id = r:next()
    if (key_kind ~= "text" and key_kind ~= "bin") or id_kind ~= "int" then fault("a name or an id is of another kind") end
    told(tonumber(tostring(id)), clean(name), r.tvb(start, r.at - start))
  end
end

-- read_optional reads the map of feature 0 in details.
local function read_optional(r, told)
  local kind, n = r:next()
  if kind ~= "map" then return end
  for _ = 1, n do
    local _, bit = r:next()
    local detail_kind, detail = r:next()
    if tostring(bit) == "0" and (detail_kind == "bin" or detail_kind == "text") then
      local inner = Reader.new(ByteArray.new(detail, true):tvb("Optional packets"), 0)
      read_ids(inner, told)
    end
  end
end

-- tell notes that a name has an id on the conn.
local function tell(c, id, name)
  c.names[id] = name
  c.known[name] = true
end

-- pubids reads a handshake_pubids: who insists tells the ids of the conn.
local function pubids(c, tvb, tree)
  local r = Reader.new(tvb, 0)
  r.values = -16384 -- 4,096 names may come
  local kind, n = r:next()
  if kind ~= "map" then fault("it is no map") end
  local adapts, ids = true, {}
  for _ = 1, n do
    local start = r.at
    local key_kind, key = r:next()
    if key_kind == "map" or key_kind == "array" then fault("a key is a " .. key_kind) end
    if key == "adapt" then
      local _, v = r:next()
      adapts = v == true or v == 1
      tree:add(f.adapt, tvb(start, r.at - start), adapts)
    elseif key == "idmap" then
      local map = tree:add(packetmq, tvb(start), "Ids")
      read_ids(r, function(id, name, range)
        ids[id] = name
        map:add(f.idmap, range, id .. " " .. name)
      end)
      map:set_len(r.at - start)
    elseif key == "details" then
      local details = tree:add(packetmq, tvb(start), "Details of features")
      read_optional(r, function(id, name, range)
        ids[id] = name
        details:add(f.idmap, range, id .. " " .. name .. ", optional")
      end)
      details:set_len(r.at - start)
    else
      r:add(tree, tostring(key), tostring(key), 1)
    end
  end
  if not adapts then
    for id, name in pairs(ids) do tell(c, id, name) end
  end
end

-- update reads what a side tells later.
local function update(c, tvb, tree)
  local r = Reader.new(tvb, 0)
  local kind, n = r:next()
  if kind ~= "map" then fault("it is no map") end
  for _ = 1, n do
    local _, key = r:next()
    if key == "add" then
      read_ids(r, function(id, name, range)
        tell(c, id, c.names[id] or name)
        tree:add(f.idmap, range, id .. " " .. name)
      end)
    else
      r:add(tree, tostring(key), tostring(key), 1)
    end
  end
end

-- softquit shows the reason.
local function softquit(tvb, tree, pinfo)
  local r = Reader.new(tvb, 0)
  local kind, n = r:next()
  if kind ~= "map" then fault("it is no map") end
  for _ = 1, n do
    local start = r.at
    local _, key = r:next()
    if key == "reason" then
      local _, reason = r:next()
      reason = clean(tostring(reason))
      local item = tree:add(f.reason, tvb(start, r.at - start), reason)
      item:add_proto_expert_info(e_reason, reason)
      return " (" .. reason .. ")"
    end
    r:skip()
  end
  return ""
end

-- Calls --------------------------------------------------------------------------------------------

-- is_call reports what of a call a name is: "request", "answer" or nil.
local function is_call(c, name)
  local asked = name:match("^(.*)%.answer$")
  if asked and c.known[asked] then return "answer", asked end
  if c.known[name .. ".answer"] then return "request", name end
  return nil
end

-- call shows a request, a cancel or an answer, and links the one with the other.
local function call(c, kind, name, tvb, tree, pinfo)
  local r = Reader.new(tvb, 0)
  local array, n = r:next()
  if array ~= "array" then fault("a packet of a call is no array") end
  local start = r.at
  local id_kind, id = r:next()
  if id_kind ~= "int" then fault("the number of a call is of another kind") end
  id = tostring(id)
  tree:add(f.call_id, tvb(start, r.at - start), UInt64.new(0, 0) + UInt64(id))
  local from, to = tostring(pinfo.src) .. ":" .. pinfo.src_port, tostring(pinfo.dst) .. ":" .. pinfo.dst_port
  local key = name .. " " .. id .. " " .. (kind == "request" and from or to)
  local known = c.calls[key] or {}
  c.calls[key] = known
  if kind == "request" and n == 1 then
    tree:add(f.call_kind, "cancel"):set_generated()
    if known.asked then tree:add(f.answer_to, known.asked):set_generated() end
    return " cancels " .. id
  end
  tree:add(f.call_kind, kind):set_generated()
  if kind == "request" then
    known.asked, known.at = known.asked or pinfo.number, known.at or pinfo.abs_ts
    if known.answered then tree:add(f.answered_in, known.answered):set_generated() end
    start = r.at
    local ms_kind, ms = r:next()
    if ms_kind == "int" then tree:add(f.call_ms, tvb(start, r.at - start), UInt64(tostring(ms))) end
  else
    known.answered = known.answered or pinfo.number
    if known.asked then
      tree:add(f.answer_to, known.asked):set_generated()
      local took = pinfo.abs_ts - known.at
      if took >= 0 then
        tree:add(f.answer_time, NSTime.new(math.floor(took), math.floor((took % 1) * 1e9))):set_generated()
      end
    end
    start = r.at
    local error_kind, parts = r:next()
    if error_kind == "array" then
      local texts = {}
      for i = 1, parts do
        local part_kind, part = r:skip()
        if i <= 2 then texts[i] = shown(part_kind, part) end
      end
      tree:add(f.call_error, tvb(start, r.at - start), table.concat(texts, ": "))
    end
  end
  if n >= 3 then r:add(tree, "Body", "", 1) end
  return " " .. id
end

-- Sessions and states ------------------------------------------------------------------------------

local show_payload

-- session shows a packet of feature 3: a message of the session, or a packet in it.
local function session(c, tvb, tree, pinfo)
  if tvb:len() < 2 then fault("it is too short") end
  local kind = tvb(0, 2):uint()
  if kind >= 16 then
    tree:add(f.id, tvb(0, 2))
    local name = c.names[kind] or ("id " .. kind)
    tree:add(f.name, tvb(0, 2), name)
    local more = ""
    if tvb:len() > 2 then more = show_payload(c, kind, name, tvb(2):tvb(), tree, pinfo) end
    return " " .. name .. more
  end
  local what = session_kinds[kind] or ("kind " .. kind)
  tree:add(f.session, tvb(0, 2), what)
  if tvb:len() > 2 then tree:add(f.payload, tvb(2)) end
  return " " .. what
end

-- show_payload shows a payload, and returns what to add to the line of the packet.
function show_payload(c, id, name, tvb, tree, pinfo)
  local more = ""
  local met = guarded(function()
    if id == 1 then
      more = softquit(tvb, tree, pinfo)
    elseif id == 2 then
      pubids(c, tvb, tree)
    elseif id == 13 and name == features[13] then
      update(c, tvb, tree)
    elseif id == 12 and name == features[12] then
      more = session(c, tvb, tree, pinfo)
    elseif id == 11 and name == features[11] and tvb:len() > 1 then
      more = " " .. (state_kinds[tvb(1, 1):uint()] or "")
      Reader.new(tvb, 0):add(tree, "State", "", 1)
    else
      local kind, asked = is_call(c, name)
      local shown_call = false
      if kind then
        local wrong = guarded(function() more = call(c, kind, asked, tvb, tree, pinfo) end)
        if wrong then
          tree:add_proto_expert_info(e_malformed, wrong)
        end
        shown_call = true
      end
      if not shown_call then
        local r = Reader.new(tvb, 0)
        r:add(tree, "Payload", "", 1)
        if r.at < tvb:len() then fault("bytes follow the payload") end
      end
    end
  end)
  if met then
    if id < 14 or id > 15 then tree:add_proto_expert_info(e_malformed, met) end
    if tvb:len() > 0 then tree:add(f.payload, tvb()) end
  end
  return more
end

-- Frames -------------------------------------------------------------------------------------------

-- frame_length is the length of the frame at offset, with the four bytes that tell it. What cannot be a
-- frame takes all that there is.
local function frame_length(tvb, pinfo, offset)
  local n = tvb(offset, 4):uint()
  if n < 2 or n > packetmq.prefs.max_frame then return tvb:len() - offset end
  return n + 4
end

-- frame shows one frame, all of tvb.
local function frame(tvb, pinfo, root)
  pinfo.cols.protocol = "packetmq"
  local c = conn_of()
  local tree = root:add(packetmq, tvb())
  if tvb:len() < 6 then
    tree:add_proto_expert_info(e_malformed, "this is no frame")
    return tvb:len()
  end
  local length, id = tvb(0, 4):uint(), tvb(4, 2):uint()
  tree:add(f.length, tvb(0, 4))
  tree:add(f.id, tvb(4, 2))
  if length ~= tvb:len() - 4 then
    tree:add_proto_expert_info(e_malformed, "the length cannot be that of a frame")
    pinfo.cols.info:append(" [no frame]")
    return tvb:len()
  end
  local name = internal[id] or c.names[id] or features[id] or ("id " .. id)
  tree:add(f.name, tvb(4, 2), name)
  local more = ""
  if length > 2 then more = show_payload(c, id, name, tvb(6):tvb(), tree, pinfo) end
  tree:append_text(", " .. name .. more)
  if not c.info or c.info ~= pinfo.number then
    c.info = pinfo.number
    pinfo.cols.info:set(name .. more)
  else
    pinfo.cols.info:append(", " .. name .. more)
  end
  return tvb:len()
end

-- dissect_tcp shows the frames of a TCP segment. Wireshark gathers those that are not whole.
local function dissect_tcp(tvb, pinfo, tree)
  dissect_tcp_pdus(tvb, tree, 4, frame_length, frame)
  return tvb:len()
end

-- part shows a piece of the stream in which no frame ends.
local function part(tvb, pinfo, tree)
  tree:add(packetmq, tvb(), "packetmq, part of a frame, " .. tvb:len() .. " bytes")
  pinfo.cols.info:set("[part of a frame]")
  return tvb:len()
end

-- rest_of is what is left of the stream after its whole frames, to which the next pieces are added.
local function rest_of(raw)
  local rest = { parts = { raw }, size = #raw }
  if #raw >= 4 then rest.need = Struct.unpack(">I4", raw) + 4 end
  return rest
end

-- add_piece adds a piece to the rest. It returns what came before the piece if a frame ends in that.
local function add_piece(rest, raw)
  rest.parts[#rest.parts + 1] = raw
  rest.size = rest.size + #raw
  if not rest.need and rest.size >= 4 then rest.need = Struct.unpack(">I4", table.concat(rest.parts)) + 4 end
  if not rest.need or rest.size < rest.need and rest.need <= packetmq.prefs.max_frame then return nil end
  rest.parts[#rest.parts] = nil
  return table.concat(rest.parts)
end

-- dissect_messages shows the frames in a WebSocket message, which may begin and end within a frame.
-- Wireshark may ask for a packet again, so it is remembered by the message what came before it: the
-- text, or true if no frame ends in the message.
local function dissect_messages(tvb, pinfo, tree)
  if tvb:len() == 0 then return 0 end
  pinfo.cols.protocol = "packetmq"
  local c, raw = conn_of(), tvb:raw()
  local from = tostring(pinfo.src) .. ":" .. pinfo.src_port
  local message = pinfo.number .. " " .. from .. " " .. raw
  if not pinfo.visited and c.rest[from] then
    c.before[message] = add_piece(c.rest[from], raw) or true
    if c.before[message] ~= true then c.rest[from] = nil end
  end
  local before = c.before[message]
  if before == true then return part(tvb, pinfo, tree) end
  local all, at = tvb, 0
  if before then all = ByteArray.new(before .. raw, true):tvb("packetmq, from several messages") end
  while all:len() - at >= 4 do
    local n = frame_length(all, pinfo, at)
    if at + n > all:len() then break end
    frame(all(at, n):tvb(), pinfo, tree)
    at = at + n
  end
  if at == 0 then part(tvb, pinfo, tree) end
  if not pinfo.visited and at < all:len() then c.rest[from] = rest_of(all:raw(at)) end
  return tvb:len()
end

function packetmq.dissector(tvb, pinfo, tree) return dissect_tcp(tvb, pinfo, tree) end

function in_messages.dissector(tvb, pinfo, tree) return dissect_messages(tvb, pinfo, tree) end

-- looks_like_init reports whether tvb begins with a handshake_init.
local function looks_like_init(tvb)
  if tvb:len() < 16 then return false end
  local length, id, map = tvb(0, 4):uint(), tvb(4, 2):uint(), tvb(6, 1):uint()
  if id ~= 0 or length < 12 or length > 66 or map < 0x81 or map > 0x8f then return false end
  return tvb:raw(7, math.min(tvb:len() - 7, length - 3)):find("version", 1, true) ~= nil
end

packetmq:register_heuristic("tcp", function(tvb, pinfo, tree)
  if not packetmq.prefs.heuristic or not looks_like_init(tvb) then return false end
  pinfo.conversation = packetmq
  dissect_tcp(tvb, pinfo, tree)
  return true
end)

local tcp_port = DissectorTable.get("tcp.port")
local ports = ""

function packetmq.prefs_changed()
  if packetmq.prefs.ports == ports then return end
  if ports ~= "" then tcp_port:remove(ports, packetmq) end
  ports = packetmq.prefs.ports
  if ports ~= "" then tcp_port:add(ports, packetmq) end
end

tcp_port:add_for_decode_as(packetmq)
local ws, messages = pcall(DissectorTable.get, "ws.protocol")
if ws and messages then messages:add("packetmq.1", in_messages) end
