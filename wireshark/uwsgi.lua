-- uwsgi for Wireshark: requests as packets of variables, responses by Wireshark's own HTTP dissector.
--
--     +---------+--------+--------+---------+------------------------------+---------------------------+
--     |modifier1|  datasize (LE)  |modifier2| vars: key size (LE), key,    | content: CONTENT_LENGTH   |
--     |         |                 |         | value size (LE), value; ...  | bytes, not in datasize    |
--     +---------+--------+--------+---------+------------------------------+---------------------------+
--
-- A connection carries one request. Who speaks first on it is the front; what it sends behind the packet is content.
-- Whatever TCP has cut is put together again: the dissector asks for more until the packet is whole.

local uwsgi = Proto("uwsgi", "uwsgi")

-- The same as in uwsgi_gateway.protocol; a test compares them.
local MODIFIERS = {
    [0] = "WSGI request",
    [1] = "reserved for UNBIT",
    [2] = "reserved for UNBIT",
    [3] = "reserved for UNBIT",
    [5] = "PSGI (Perl) request",
    [6] = "WSAPI (Lua) request",
    [7] = "Rack (Ruby) request",
    [8] = "JWSGI or Ring (JVM) request",
    [9] = "CGI request",
    [10] = "management request",
    [14] = "PHP request",
    [15] = "Mono (ASP.NET) request",
    [17] = "spooler request",
    [18] = "call of a C symbol",
    [22] = "code to evaluate",
    [23] = "XSLT request",
    [24] = "V8 (JavaScript) request",
    [25] = "GridFS request",
    [26] = "GlusterFS request",
    [27] = "call of a FastFunc",
    [28] = "RADOS request",
    [30] = "WSGI request with SCRIPT_NAME inside PATH_INFO",
    [31] = "message passing",
    [32] = "message passing, array of characters",
    [33] = "message passing, marshalled object",
    [48] = "SNMP message",
    [72] = "HTTP response",
    [73] = "announcement",
    [74] = "multicast message",
    [95] = "cluster membership change",
    [96] = "remote log line",
    [97] = "brutal reload",
    [98] = "graceful reload",
    [99] = "request for the configuration",
    [100] = "ping",
    [101] = "echo request",
    [109] = "legion message",
    [110] = "uwsgi signal",
    [111] = "cache operation",
    [173] = "remote procedure call",
    [200] = "close mark",
    [224] = "subscription",
    [255] = "generic response",
}
local HEADER_SIZE = 4
local SIZE = 2 -- bytes of a size inside the block
local MAX_LINE = 8192 -- bytes in which a status line has to end

local fields = uwsgi.fields
fields.modifier1 = ProtoField.uint8("uwsgi.modifier1", "modifier1", base.DEC, MODIFIERS)
fields.datasize = ProtoField.uint16("uwsgi.datasize", "datasize", base.DEC)
fields.modifier2 = ProtoField.uint8("uwsgi.modifier2", "modifier2", base.DEC)
fields.vars = ProtoField.none("uwsgi.vars", "vars")
fields.var = ProtoField.string("uwsgi.var", "variable")
fields.key_size = ProtoField.uint16("uwsgi.var.key_size", "key size", base.DEC)
fields.key = ProtoField.string("uwsgi.var.key", "key")
fields.value_size = ProtoField.uint16("uwsgi.var.value_size", "value size", base.DEC)
fields.value = ProtoField.string("uwsgi.var.value", "value")
fields.block = ProtoField.bytes("uwsgi.block", "block")
fields.content_length = ProtoField.uint64("uwsgi.content_length", "CONTENT_LENGTH", base.DEC)
fields.content = ProtoField.bytes("uwsgi.content", "content")

local not_vars = ProtoExpert.new("uwsgi.not_vars", "the block is not a list of variables", expert.group.MALFORMED,
    expert.severity.ERROR)
local is_http = ProtoExpert.new("uwsgi.is_http", "these bytes spell HTTP, on a uwsgi port", expert.group.PROTOCOL,
    expert.severity.WARN)
uwsgi.experts = { not_vars, is_http }

uwsgi.prefs.ports = Pref.range("TCP ports", "3031", "Where uwsgi servers listen", 65535)

local stream_of, port_of = Field.new("tcp.stream"), Field.new("tcp.srcport")
local http = Dissector.get("http")
local table_of_ports = DissectorTable.get("tcp.port")

-- What is known of each TCP stream: the port of its front, and the frame in which the packet was whole.
local streams = {}

function uwsgi.init()
    streams = {}
end

-- Return the variables as {start, key size, value size}, and nil if the block is not made of them.
local function read_vars(block)
    local found, at, size = {}, 0, block:len()
    while at < size do
        if at + SIZE > size then return nil end
        local key = block(at, 2):le_uint()
        if key == 0 or at + 2 + key + SIZE > size then return nil end
        local value = block(at + 2 + key, 2):le_uint()
        if at + 4 + key + value > size then return nil end
        found[#found + 1] = { at, key, value }
        at = at + 4 + key + value
    end
    return found
end

-- Return text with a dot for what is not ASCII: as a label it would be cut where it is not UTF-8.
local function plain(text)
    return (text:gsub("[^\32-\126]", "."))
end

local function add_vars(tree, block, found)
    local branch = tree:add(fields.vars, block())
    branch:append_text(": " .. #found .. " variables, " .. block:len() .. " bytes")
    local known = {}
    for _, var in ipairs(found) do
        local at, key, value = var[1], var[2], var[3]
        local name = block(at + 2, key):string()
        local text = block(at + 4 + key, value):raw()
        local leaf = branch:add(fields.var, block(at, 4 + key + value), plain(name .. "=" .. text))
        leaf:add_le(fields.key_size, block(at, 2))
        leaf:add(fields.key, block(at + 2, key))
        leaf:add_le(fields.value_size, block(at + 2 + key, 2))
        leaf:add(fields.value, block(at + 4 + key, value))
        known[name] = text
    end
    return known
end

-- Dissect what the front sends. Returns nothing if more is needed.
local function dissect_request(tvb, pinfo, tree, stream)
    if stream.whole and pinfo.number > stream.whole then
        tree:add(uwsgi, tvb()):add(fields.content, tvb())
        pinfo.cols.info = "content, " .. tvb:len() .. " bytes"
        return
    end
    local size = tvb:len() >= HEADER_SIZE and HEADER_SIZE + tvb(1, 2):le_uint() or nil
    if size and tvb(0, 4):string():match("^%u%u%u[%u ]$") then -- as modifier1 an announcement or what nobody uses
        tree:add(uwsgi, tvb()):add_proto_expert_info(is_http)
        http:call(tvb, pinfo, tree)
        return
    end
    if not size or tvb:len() < size then
        pinfo.desegment_offset = 0
        pinfo.desegment_len = size and size - tvb:len() or DESEGMENT_ONE_MORE_SEGMENT
        return
    end
    stream.whole = pinfo.number
    local modifier1 = tvb(0, 1):uint()
    local branch = tree:add(uwsgi, tvb())
    branch:add(fields.modifier1, tvb(0, 1))
    branch:add_le(fields.datasize, tvb(1, 2))
    branch:add(fields.modifier2, tvb(3, 1))
    local info = MODIFIERS[modifier1] or ("modifier " .. modifier1)
    if size > HEADER_SIZE then
        local block = tvb(HEADER_SIZE, size - HEADER_SIZE):tvb()
        local found = read_vars(block)
        if found then
            local known = add_vars(branch, block, found)
            if known.REQUEST_METHOD and known.REQUEST_URI then
                info = plain(known.REQUEST_METHOD .. " " .. known.REQUEST_URI)
            end
            local length = known.CONTENT_LENGTH
            if length and length:match("^%d+$") then
                branch:add(fields.content_length, UInt64.new(tonumber(length))):set_generated()
            end
        else
            branch:add(fields.block, block())
            if modifier1 == 0 then branch:add_proto_expert_info(not_vars) end
        end
    end
    pinfo.cols.info = info
    if tvb:len() > size then branch:add(fields.content, tvb(size)) end
end

-- Dissect what the backend sends: "H", with which "HTTP/1.1" begins, is the modifier of an HTTP response.
local function dissect_response(tvb, pinfo, tree, stream)
    if stream.http == nil then stream.http = tvb(0, 1):uint() == 72 end
    if stream.http then
        -- Of less than a line the HTTP dissector cannot know that it is HTTP.
        if not stream.line and not tvb:raw():find("\n", 1, true) and tvb:len() < MAX_LINE then
            pinfo.desegment_offset = 0
            pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
            return
        end
        stream.line = stream.line or pinfo.number
        http:call(tvb, pinfo, tree)
        pinfo.cols.protocol = "uwsgi"
        return
    end
    local branch = tree:add(uwsgi, tvb())
    if tvb:len() >= HEADER_SIZE then
        branch:add(fields.modifier1, tvb(0, 1))
        branch:add_le(fields.datasize, tvb(1, 2))
        branch:add(fields.modifier2, tvb(3, 1))
        pinfo.cols.info = (MODIFIERS[tvb(0, 1):uint()] or "packet") .. ", answered"
    end
    if tvb:len() > HEADER_SIZE then branch:add(fields.block, tvb(HEADER_SIZE)) end
end

function uwsgi.dissector(tvb, pinfo, tree)
    if tvb:len() == 0 then return 0 end
    pinfo.cols.protocol = "uwsgi"
    local number, port = stream_of().value, port_of().value
    local stream = streams[number]
    if not stream then
        stream = { front = port }
        streams[number] = stream
    end
    if port == stream.front then
        dissect_request(tvb, pinfo, tree, stream)
    else
        dissect_response(tvb, pinfo, tree, stream)
    end
    return tvb:len()
end

-- On any other port: a packet of modifier 0 whose first key is the name of a variable.
local function looks_like_uwsgi(tvb, pinfo, tree)
    if tvb:len() < 10 or tvb(0, 1):uint() ~= 0 or tvb(3, 1):uint() ~= 0 then return false end
    local size, key = tvb(1, 2):le_uint(), tvb(4, 2):le_uint()
    if key < 3 or key + 4 > size or tvb:len() < 6 + key then return false end
    if not tvb(6, key):string():match("^[A-Z_][A-Z0-9_]*$") then return false end
    pinfo.conversation = uwsgi
    uwsgi.dissector(tvb, pinfo, tree)
    return true
end

local ports = uwsgi.prefs.ports
table_of_ports:add(ports, uwsgi)
table_of_ports:add_for_decode_as(uwsgi)

function uwsgi.prefs_changed()
    if ports == uwsgi.prefs.ports then return end
    table_of_ports:remove(ports, uwsgi)
    ports = uwsgi.prefs.ports
    table_of_ports:add(ports, uwsgi)
end

uwsgi:register_heuristic("tcp", looks_like_uwsgi)
