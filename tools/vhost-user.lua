-- SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause
--
-- Wireshark's dissector of the files that "vhost-user-tool trace --pcapng" writes.
-- Copy it into the folder of personal Lua plugins, or load it once:
--
--	wireshark -X lua_script:vhost-user.lua trace.pcapng
--
-- A filter has the names of the fields: vhost_user.message == "SET_VRING_NUM",
-- vhost_user.reply, vhost_user.index == 1.

-- Data begins: tests/dissector-data prints it.
local messages = {
	[0] = {
		[1] = { "GET_FEATURES", 0, 3 },
		[2] = { "SET_FEATURES", 3, 2 },
		[3] = { "SET_OWNER", 0, 2 },
		[4] = { "RESET_OWNER", 0, 2 },
		[5] = { "SET_MEM_TABLE", 10, 2 },
		[6] = { "SET_LOG_BASE", 12, 12 },
		[7] = { "SET_LOG_FD", 0, 2 },
		[8] = { "SET_VRING_NUM", 8, 2 },
		[9] = { "SET_VRING_ADDR", 9, 2 },
		[10] = { "SET_VRING_BASE", 8, 2 },
		[11] = { "GET_VRING_BASE", 8, 8 },
		[12] = { "SET_VRING_KICK", 5, 2 },
		[13] = { "SET_VRING_CALL", 5, 2 },
		[14] = { "SET_VRING_ERR", 5, 2 },
		[15] = { "GET_PROTOCOL_FEATURES", 0, 4 },
		[16] = { "SET_PROTOCOL_FEATURES", 4, 2 },
		[17] = { "GET_QUEUE_NUM", 0, 1 },
		[18] = { "SET_VRING_ENABLE", 8, 2 },
		[19] = { "SEND_RARP", 6, 2 },
		[20] = { "NET_SET_MTU", 1, 2 },
		[21] = { "SET_BACKEND_REQ_FD", 0, 2 },
		[22] = { "IOTLB_MSG", 13, 2 },
		[23] = { "SET_VRING_ENDIAN", 8, 2 },
		[24] = { "GET_CONFIG", 14, 14 },
		[25] = { "SET_CONFIG", 14, 2 },
		[26] = { "CREATE_CRYPTO_SESSION", 21, 21 },
		[27] = { "CLOSE_CRYPTO_SESSION", 1, 2 },
		[28] = { "POSTCOPY_ADVISE", 0, 0 },
		[29] = { "POSTCOPY_LISTEN", 0, 2 },
		[30] = { "POSTCOPY_END", 0, 2 },
		[31] = { "GET_INFLIGHT_FD", 15, 15 },
		[32] = { "SET_INFLIGHT_FD", 15, 2 },
		[33] = { "GPU_SET_SOCKET", 0, 2 },
		[34] = { "RESET_DEVICE", 0, 2 },
		[35] = { "VRING_KICK", 8, 2 },
		[36] = { "GET_MAX_MEM_SLOTS", 0, 1 },
		[37] = { "ADD_MEM_REG", 11, 2 },
		[38] = { "REM_MEM_REG", 11, 2 },
		[39] = { "SET_STATUS", 7, 2 },
		[40] = { "GET_STATUS", 0, 7 },
		[41] = { "GET_SHARED_OBJECT", 17, 17 },
		[42] = { "SET_DEVICE_STATE_FD", 18, 2 },
		[43] = { "CHECK_DEVICE_STATE", 0, 2 },
		[44] = { "GET_SHMEM_CONFIG", 0, 20 },
		[45] = { "GET_VRING_BASE_SKIP_DRAIN", 8, 8 },
	},
	[1] = {
		[1] = { "IOTLB_MSG", 13, 2 },
		[2] = { "CONFIG_CHANGE_MSG", 0, 2 },
		[3] = { "VRING_HOST_NOTIFIER_MSG", 16, 2 },
		[4] = { "VRING_CALL", 8, 2 },
		[5] = { "VRING_ERR", 8, 2 },
		[6] = { "SHARED_OBJECT_ADD", 17, 2 },
		[7] = { "SHARED_OBJECT_REMOVE", 17, 2 },
		[8] = { "SHARED_OBJECT_LOOKUP", 17, 2 },
		[9] = { "SHMEM_MAP", 19, 2 },
		[10] = { "SHMEM_UNMAP", 19, 2 },
	},
}
local layouts = {
	[0] = { size = 0, unit = 0 },
	[1] = { size = 8, unit = 0, fields = {
		{ "u64", 0, 8, "decimal", 1 },
	} },
	[2] = { size = 8, unit = 0, fields = {
		{ "result", 0, 8, "hex", 1 },
	} },
	[3] = { size = 8, unit = 0, fields = {
		{ "features", 0, 8, "hex", 1 },
	} },
	[4] = { size = 8, unit = 0, fields = {
		{ "protocol-features", 0, 8, "protocol", 1 },
	} },
	[5] = { size = 8, unit = 0, fields = {
		{ "index", 0, 1, "decimal", 1 },
		{ "nofd", 1, 1, "decimal", 1 },
	} },
	[6] = { size = 8, unit = 0, fields = {
		{ "mac", 0, 8, "mac", 1 },
	} },
	[7] = { size = 8, unit = 0, fields = {
		{ "status", 0, 8, "hex", 1 },
	} },
	[8] = { size = 8, unit = 0, fields = {
		{ "index", 0, 4, "decimal", 1 },
		{ "num", 4, 4, "decimal", 1 },
	} },
	[9] = { size = 40, unit = 0, fields = {
		{ "index", 0, 4, "decimal", 1 },
		{ "flags", 4, 4, "hex", 1 },
		{ "desc", 8, 8, "hex", 1 },
		{ "used", 16, 8, "hex", 1 },
		{ "avail", 24, 8, "hex", 1 },
		{ "log_guest_addr", 32, 8, "hex", 1 },
	} },
	[10] = { size = 8, unit = 32, fields = {
		{ "nregions", 0, 4, "decimal", 1 },
	}, units = {
		{ "guest_addr", 0, 8, "hex", 1 },
		{ "size", 8, 8, "hex", 1 },
		{ "user_addr", 16, 8, "hex", 1 },
		{ "mmap_offset", 24, 8, "hex", 1 },
	} },
	[11] = { size = 40, unit = 0, fields = {
		{ "guest_addr", 8, 8, "hex", 1 },
		{ "size", 16, 8, "hex", 1 },
		{ "user_addr", 24, 8, "hex", 1 },
		{ "mmap_offset", 32, 8, "hex", 1 },
	} },
	[12] = { size = 16, unit = 0, fields = {
		{ "mmap_size", 0, 8, "hex", 1 },
		{ "mmap_offset", 8, 8, "hex", 1 },
	} },
	[13] = { size = 32, unit = 0, fields = {
		{ "iova", 0, 8, "hex", 1 },
		{ "size", 8, 8, "hex", 1 },
		{ "user_addr", 16, 8, "hex", 1 },
		{ "perm", 24, 1, "decimal", 1 },
		{ "type", 25, 1, "decimal", 1 },
	} },
	[14] = { size = 12, unit = 1, fields = {
		{ "offset", 0, 4, "decimal", 1 },
		{ "size", 4, 4, "decimal", 1 },
		{ "flags", 8, 4, "hex", 1 },
	} },
	[15] = { size = 24, unit = 0, fields = {
		{ "mmap_size", 0, 8, "hex", 1 },
		{ "mmap_offset", 8, 8, "hex", 1 },
		{ "num_queues", 16, 2, "decimal", 1 },
		{ "queue_size", 18, 2, "decimal", 1 },
	} },
	[16] = { size = 24, unit = 0, fields = {
		{ "u64", 0, 8, "hex", 1 },
		{ "size", 8, 8, "hex", 1 },
		{ "offset", 16, 8, "hex", 1 },
	} },
	[17] = { size = 16, unit = 0, fields = {
		{ "uuid", 0, 16, "uuid", 1 },
	} },
	[18] = { size = 8, unit = 0, fields = {
		{ "direction", 0, 4, "decimal", 1 },
		{ "phase", 4, 4, "decimal", 1 },
	} },
	[19] = { size = 40, unit = 0, fields = {
		{ "shmid", 0, 1, "decimal", 1 },
		{ "fd_offset", 8, 8, "hex", 1 },
		{ "shm_offset", 16, 8, "hex", 1 },
		{ "len", 24, 8, "hex", 1 },
		{ "flags", 32, 8, "hex", 1 },
	} },
	[20] = { size = 2056, unit = 0, fields = {
		{ "nregions", 0, 4, "decimal", 1 },
		{ "sizes", 8, 8, "hex", 256 },
	} },
	[21] = { size = 1072, unit = 0, fields = {
		{ "op_code", 0, 8, "hex", 1 },
		{ "session_id", 1064, 8, "signed", 1 },
	} },
}
local protocol_features = {
	[0] = "MQ",
	[1] = "LOG_SHMFD",
	[2] = "RARP",
	[3] = "REPLY_ACK",
	[4] = "NET_MTU",
	[5] = "BACKEND_REQ",
	[6] = "CROSS_ENDIAN",
	[7] = "CRYPTO_SESSION",
	[8] = "PAGEFAULT",
	[9] = "CONFIG",
	[10] = "BACKEND_SEND_FD",
	[11] = "HOST_NOTIFIER",
	[12] = "INFLIGHT_SHMFD",
	[13] = "RESET_DEVICE",
	[14] = "INBAND_NOTIFICATIONS",
	[15] = "CONFIGURE_MEM_SLOTS",
	[16] = "STATUS",
	[17] = "XEN_MMAP",
	[18] = "SHARED_OBJECT",
	[19] = "DEVICE_STATE",
	[20] = "GET_VRING_BASE_INFLIGHT",
	[21] = "GPA_ADDRESSES",
	[22] = "SHMEM",
	[23] = "GET_VRING_BASE_SKIP_DRAIN",
}
-- Data ends.

local HEAD, HEADER = 12, 12
local sides = { [0] = "front-end", [1] = "back-end" }
local channels = { [0] = "main", [1] = "back-end channel" }

local proto = Proto("vhost_user", "Vhost-user Protocol")
local f = {
	sender = ProtoField.uint8("vhost_user.sender", "Sender", base.DEC, sides),
	channel = ProtoField.uint8("vhost_user.channel", "Channel", base.DEC, channels),
	connection = ProtoField.uint32("vhost_user.connection", "Connection"),
	fds = ProtoField.uint32("vhost_user.fds", "Descriptors"),
	message = ProtoField.string("vhost_user.message", "Message"),
	number = ProtoField.uint32("vhost_user.number", "Number"),
	flags = ProtoField.uint32("vhost_user.flags", "Flags", base.HEX),
	version = ProtoField.uint32("vhost_user.version", "Version", base.DEC, nil, 0x3),
	reply = ProtoField.bool("vhost_user.reply", "Reply", 32, nil, 0x4),
	need_reply = ProtoField.bool("vhost_user.need_reply", "Need reply", 32, nil, 0x8),
	size = ProtoField.uint32("vhost_user.size", "Size"),
	bytes = ProtoField.bytes("vhost_user.bytes", "Bytes"),
}
local incomplete = ProtoExpert.new("vhost_user.incomplete", "The payload is not in the file",
	expert.group.UNDECODED, expert.severity.NOTE)
proto.experts = { incomplete }

local function abbreviation(name)
	return (name:lower():gsub("[^%w]", "_"))
end

local numbers = { [1] = "uint8", [2] = "uint16", [4] = "uint32", [8] = "uint64" }

local function new_field(name, width, format)
	local short = "vhost_user." .. abbreviation(name)

	if format == "uuid" or format == "mac" then
		return ProtoField.bytes(short, name)
	elseif format == "signed" then
		return ProtoField.int64(short, name)
	end
	return ProtoField[numbers[width]](short, name, format == "decimal" and base.DEC or base.HEX)
end

-- A field per name and width: "index" has 1 byte in some payloads and 4 in others.
local by_key = {}

local function field_of(row)
	return by_key[row[1] .. row[3] .. row[4]]
end

for _, layout in pairs(layouts) do
	for _, rows in ipairs({ layout.fields or {}, layout.units or {} }) do
		for _, row in ipairs(rows) do
			local key = row[1] .. row[3] .. row[4]
			by_key[key] = by_key[key] or new_field(row[1], row[3], row[4])
		end
	end
end

local all = {}
for _, field in pairs(f) do all[#all + 1] = field end
for _, field in pairs(by_key) do all[#all + 1] = field end
proto.fields = all

local function add(tree, little, field, range)
	return little and tree:add_le(field, range) or tree:add(field, range)
end

local function value_text(range, little, format)
	local value = little and range:le_uint64() or range:uint64()

	if format == "decimal" then
		return tostring(value)
	end
	return "0x" .. value:tohex():gsub("^0+(.)", "%1")
end

local function feature_names(range, little)
	local value, names = little and range:le_uint64() or range:uint64(), {}

	for bit = 0, 63 do
		if value:rshift(bit):band(1) == UInt64(1) then
			names[#names + 1] = protocol_features[bit] or "bit-" .. bit
		end
	end
	return " " .. table.concat(names, " ")
end

-- Adds element i of a field; returns its text, or nil if the payload ends before it.
local function add_element(tree, little, row, i, payload)
	local name, at, width, format, count = row[1], row[2] + i * row[3], row[3], row[4], row[5]

	if at + width > payload:len() then
		return nil
	end
	local range = payload(at, format == "mac" and 6 or width)
	if format == "mac" or format == "uuid" then
		tree:add(field_of(row), range)
		return name .. " " .. tostring(range:bytes()):lower()
	end
	local text = value_text(range, little, format)
	if count > 1 and text == "0x0" then
		return nil
	end
	local item = add(tree, little, field_of(row), range)
	if format == "protocol" then
		item:append_text(feature_names(range, little))
	end
	return (count > 1 and name .. "[" .. i .. "]" or name) .. " " .. text
end

local function add_fields(tree, little, rows, payload, texts)
	for _, row in ipairs(rows or {}) do
		for i = 0, row[5] - 1 do
			texts[#texts + 1] = add_element(tree, little, row, i, payload)
		end
	end
end

local function add_payload(tree, little, layout, payload)
	local texts, at = {}, layout.size

	add_fields(tree, little, layout.fields, payload, texts)
	if layout.unit > 0 and not layout.units and payload:len() > at then
		tree:add(f.bytes, payload(at))
	end
	while layout.units and at + layout.unit <= payload:len() do
		local part = payload(at, layout.unit)
		add_fields(tree:add(proto, part, "Region"), little, layout.units, part:tvb(), texts)
		at = at + layout.unit
	end
	return table.concat(texts, ", ")
end

local function add_header(tree, little, buffer)
	local flags = buffer(HEAD + 4, 4)

	add(tree, little, f.number, buffer(HEAD, 4))
	local sub = add(tree, little, f.flags, flags)
	add(sub, little, f.version, flags)
	add(sub, little, f.reply, flags)
	add(sub, little, f.need_reply, flags)
	add(tree, little, f.size, buffer(HEAD + 8, 4))
end

function proto.dissector(buffer, pinfo, root)
	if buffer:len() < HEAD + HEADER or buffer(0, 1):uint() ~= 1 then
		return 0
	end
	local sender, channel = buffer(1, 1):uint(), buffer(2, 1):uint()
	local little = buffer(3, 1):uint() == 1
	local number = little and buffer(HEAD, 4):le_uint() or buffer(HEAD, 4):uint()
	local size = little and buffer(HEAD + 8, 4):le_uint() or buffer(HEAD + 8, 4):uint()
	local row = (messages[channel] or {})[number]
	local name = row and row[1] or "request " .. number
	local reply = sender ~= channel
	local tree = root:add(proto, buffer(), "Vhost-user " .. name .. (reply and " reply" or ""))
	local text = ""

	tree:add(f.sender, buffer(1, 1))
	tree:add(f.channel, buffer(2, 1))
	add(tree, little, f.connection, buffer(4, 4))
	add(tree, little, f.fds, buffer(8, 4))
	tree:add(f.message, name):set_generated()
	add_header(tree, little, buffer)
	if buffer:len() < HEAD + HEADER + size then
		tree:add_proto_expert_info(incomplete)
	elseif row and size > 0 then
		text = add_payload(tree, little, layouts[reply and row[3] or row[2]],
			buffer(HEAD + HEADER):tvb())
	elseif size > 0 then
		tree:add(f.bytes, buffer(HEAD + HEADER))
	end
	pinfo.cols.protocol = "vhost-user"
	pinfo.cols.src = sides[sender] or "?"
	pinfo.cols.dst = sides[1 - sender] or "?"
	pinfo.cols.info = name .. (reply and " reply" or "") .. (text == "" and "" or ": " .. text)
	return buffer:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, proto)
