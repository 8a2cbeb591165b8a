-- SCGI for Wireshark: requests as a netstring of headers, responses as CGI has them.
--
--     "70:" CONTENT_LENGTH NUL 27 NUL SCGI NUL 1 NUL ... ","    content: CONTENT_LENGTH bytes
--     "Status: 200 OK" CRLF ... CRLF CRLF                       content, up to the end of the connection
--
-- A connection carries one request. Who speaks first on it is the front; what it sends behind the netstring is content.
-- Whatever TCP has cut is put together again: the dissector asks for more until netstring and head are whole.

local scgi = Proto("scgi", "Simple Common Gateway Interface")

local fields = scgi.fields
fields.length = ProtoField.uint32("scgi.length", "length", base.DEC)
fields.headers = ProtoField.none("scgi.headers", "headers")
fields.header = ProtoField.string("scgi.header", "header")
fields.name = ProtoField.string("scgi.header.name", "name")
fields.value = ProtoField.string("scgi.header.value", "value")
fields.content_length = ProtoField.uint64("scgi.content_length", "CONTENT_LENGTH", base.DEC)
fields.content = ProtoField.bytes("scgi.content", "content")
fields.status = ProtoField.string("scgi.response.status", "status")
fields.line = ProtoField.string("scgi.response.line", "line")

local not_netstring = ProtoExpert.new("scgi.not_netstring", "these bytes are no netstring of headers",
    expert.group.MALFORMED, expert.severity.ERROR)
scgi.experts = { not_netstring }

scgi.prefs.ports = Pref.range("TCP ports", "4000", "Where SCGI servers listen", 65535)

local MAX_DIGITS = 9 -- of a length: a netstring of a gigabyte is none
local MAX_HEAD = 65536 -- bytes in which a response's head has to end

local stream_of, port_of = Field.new("tcp.stream"), Field.new("tcp.srcport")
local http = Dissector.get("http")
local table_of_ports = DissectorTable.get("tcp.port")

-- What is known of each TCP stream: the port of its front, and the frames in which both heads were whole.
local streams = {}

function scgi.init()
    streams = {}
end

local function wait(pinfo, missing)
    pinfo.desegment_offset = 0
    pinfo.desegment_len = missing or DESEGMENT_ONE_MORE_SEGMENT
end

local function add_content(tree, range, pinfo)
    tree:add(fields.content, range)
    pinfo.cols.info = "content, " .. range:len() .. " bytes"
end

-- Return the headers as {start, size of the name, size of the value}, and nil if the netstring is not made of them.
local function read_headers(raw)
    local found, at = {}, 1
    while at <= #raw do
        local name_end = raw:find("\0", at, true)
        local value_end = name_end and raw:find("\0", name_end + 1, true)
        if not value_end or name_end == at then return nil end
        found[#found + 1] = { at - 1, name_end - at, value_end - name_end - 1 }
        at = value_end + 1
    end
    return found
end

-- Return text with a dot for what is not ASCII: as a label it would be cut where it is not UTF-8.
local function plain(text)
    return (text:gsub("[^\32-\126]", "."))
end

local function add_headers(tree, block, raw, found)
    local branch = tree:add(fields.headers, block())
    branch:append_text(": " .. #found .. " headers, " .. block:len() .. " bytes")
    local known = {}
    for _, header in ipairs(found) do
        local at, size, length = header[1], header[2], header[3]
        local name, value = raw:sub(at + 1, at + size), raw:sub(at + size + 2, at + size + 1 + length)
        local whole = block(at, size + length + 2)
        local leaf = branch:add(fields.header, whole, plain(name .. "=" .. value))
        leaf:add(fields.name, block(at, size))
        leaf:add(fields.value, block(at + size + 1, length))
        known[name] = value
    end
    return known
end

-- Dissect what the front sends.
local function dissect_request(tvb, pinfo, tree, stream)
    if stream.asked and pinfo.number > stream.asked then
        add_content(tree:add(scgi, tvb()), tvb(), pinfo)
        return
    end
    local digits, colon = tvb(0, math.min(tvb:len(), MAX_DIGITS + 1)):raw():match("^(%d+)(:?)")
    if not digits or (colon == "" and (tvb:len() > #digits or #digits > MAX_DIGITS)) then
        tree:add(scgi, tvb()):add_proto_expert_info(not_netstring)
        return
    end
    if colon == "" then return wait(pinfo) end
    local start, length = #digits + 1, tonumber(digits)
    local size = start + length + 1
    if tvb:len() < size then return wait(pinfo, size - tvb:len()) end
    stream.asked = pinfo.number
    local branch = tree:add(scgi, tvb())
    branch:add(fields.length, tvb(0, #digits), length)
    local raw = tvb(start, length + 1):raw()
    local found = length > 0 and raw:sub(-1) == "," and read_headers(raw:sub(1, -2))
    if not found then
        branch:add_proto_expert_info(not_netstring)
        return
    end
    local known = add_headers(branch, tvb(start, length):tvb(), raw:sub(1, -2), found)
    local content = known.CONTENT_LENGTH
    if content and content:match("^%d+$") then
        branch:add(fields.content_length, UInt64.new(tonumber(content))):set_generated()
    end
    if tvb:len() > size then branch:add(fields.content, tvb(size)) end
    pinfo.cols.info = plain((known.REQUEST_METHOD or "request") .. " " .. (known.REQUEST_URI or ""))
end

-- Return where a head ends: behind the first empty line. nil: it does not.
local function end_of_head(raw)
    local _, crlf = raw:find("\r?\n\r?\n")
    return crlf
end

-- Dissect what the backend sends.
local function dissect_response(tvb, pinfo, tree, stream)
    if stream.http == nil then
        if tvb:len() < 5 then return wait(pinfo) end
        stream.http = tvb(0, 5):string() == "HTTP/" -- not as the specification has it, but some do
    end
    if stream.http then
        if not stream.line and not tvb:raw():find("\n", 1, true) and #tvb:raw() < MAX_HEAD then return wait(pinfo) end
        stream.line = stream.line or pinfo.number
        http:call(tvb, pinfo, tree)
        pinfo.cols.protocol = "SCGI"
        return
    end
    if stream.answered and pinfo.number > stream.answered then
        add_content(tree:add(scgi, tvb()), tvb(), pinfo)
        return
    end
    local raw = tvb:raw(0, math.min(tvb:len(), MAX_HEAD))
    local size = end_of_head(raw)
    if not size and #raw < MAX_HEAD then return wait(pinfo) end
    stream.answered = pinfo.number
    local branch = tree:add(scgi, tvb())
    local at, status = 0, "200 OK"
    for line, line_end in raw:sub(1, size or #raw):gmatch("([^\r\n]*)(\r?\n)") do
        if #line > 0 then
            branch:add(fields.line, tvb(at, #line))
            status = line:match("^[Ss][Tt][Aa][Tt][Uu][Ss]:%s*(.*)") or status
        end
        at = at + #line + #line_end
    end
    branch:add(fields.status, plain(status)):set_generated()
    if tvb:len() > at then branch:add(fields.content, tvb(at)) end
    pinfo.cols.info = plain(status)
end

function scgi.dissector(tvb, pinfo, tree)
    if tvb:len() == 0 then return 0 end
    pinfo.cols.protocol = "SCGI"
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

-- On any other port: a netstring whose first header is CONTENT_LENGTH, as the specification wants.
local function looks_like_scgi(tvb, pinfo, tree)
    if tvb:len() < 20 or not tvb(0, 20):raw():match("^%d+:CONTENT_LENGTH") then return false end
    pinfo.conversation = scgi
    scgi.dissector(tvb, pinfo, tree)
    return true
end

local ports = scgi.prefs.ports
table_of_ports:add(ports, scgi)
table_of_ports:add_for_decode_as(scgi)

function scgi.prefs_changed()
    if ports == scgi.prefs.ports then return end
    table_of_ports:remove(ports, scgi)
    ports = scgi.prefs.ports
    table_of_ports:add(ports, scgi)
end

scgi:register_heuristic("tcp", looks_like_scgi)
