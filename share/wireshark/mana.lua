-- SPDX-License-Identifier: BSD-3-Clause
--
-- mana.lua - Wireshark and tshark decode the records of a trace of a MANA adapter.
--
-- manakin device --trace and manakin control trace start write them, with link type USER0, beside
-- the frames of the vPorts. docs/trace.md describes the format, which this file follows, and how
-- Wireshark finds this file. Names and numbers are those of src/wire/ and src/trace/names.c.

local mana = Proto("mana", "Microsoft Azure Network Adapter (trace)")

local kinds = {
	[1] = "client", [2] = "memory", [3] = "smc", [4] = "command", [5] = "answer", [6] = "queue",
	[7] = "doorbell", [8] = "entry", [9] = "completion", [10] = "event", [11] = "interrupt",
	[12] = "fault", [13] = "lost", [14] = "start",
}
local queue_types = { [1] = "SQ", [2] = "RQ", [3] = "CQ", [4] = "EQ" }
local clients = { [0] = "attached", [1] = "detached", [2] = "reset" }
local memories = { [0] = "mapped", [1] = "unmapped", [2] = "all unmapped" }
local devices = { [0] = "none", [1] = "HWC", [2] = "MANA", [3] = "MANA_IB" }
local commands = {
	[1] = "VERIFY_VF_DRIVER_VERSION", [2] = "QUERY_MAX_RESOURCES", [3] = "LIST_DEVICES",
	[4] = "REGISTER_DEVICE", [5] = "DEREGISTER_DEVICE", [10] = "GENERATE_TEST_EQE",
	[11] = "GENERATE_RESET_REQUEST_EQE", [12] = "CREATE_QUEUE", [13] = "DISABLE_QUEUE",
	[22] = "ALLOCATE_RESOURCE_RANGE", [24] = "DESTROY_RESOURCE_RANGE",
	[25] = "CREATE_DMA_REGION", [26] = "DMA_REGION_ADD_PAGES", [27] = "DESTROY_DMA_REGION",
	[29] = "CREATE_PD", [30] = "DESTROY_PD", [31] = "CREATE_MR", [32] = "DESTROY_MR",
	[81] = "CHANGE_MSIX_FOR_EQ", [84] = "QUERY_HWC_TIMEOUT", [96] = "ALLOC_DM",
	[97] = "DESTROY_DM",
	[0x20001] = "QUERY_DEV_CONFIG", [0x20002] = "QUERY_GF_STAT", [0x20003] = "CONFIG_VPORT_TX",
	[0x20004] = "CREATE_WQ_OBJ", [0x20005] = "DESTROY_WQ_OBJ", [0x20006] = "FENCE_RQ",
	[0x20007] = "CONFIG_VPORT_RX", [0x20008] = "QUERY_VPORT_CONFIG",
	[0x2000a] = "QUERY_LINK_CONFIG", [0x2000b] = "SET_BW_CLAMP", [0x2000c] = "QUERY_PHY_STAT",
	[0x27801] = "VTL2_ASSIGN_SERIAL_NUMBER", [0x27802] = "VTL2_MOVE_FILTER",
	[0x27803] = "VTL2_QUERY_FILTER_STATE", [0x28000] = "REGISTER_FILTER",
	[0x28001] = "DEREGISTER_FILTER", [0x28003] = "REGISTER_HW_PORT",
	[0x28004] = "DEREGISTER_HW_PORT",
	[0x30001] = "RNIC_QUERY_ADAPTER_CAP", [0x30002] = "RNIC_CREATE_ADAPTER",
	[0x30003] = "RNIC_DESTROY_ADAPTER", [0x30004] = "RNIC_CONFIG_IP_ADDR",
	[0x30005] = "RNIC_CONFIG_MAC_ADDR", [0x30006] = "RNIC_CREATE_UD_QP",
	[0x30007] = "RNIC_DESTROY_UD_QP", [0x30008] = "RNIC_CREATE_CQ",
	[0x30009] = "RNIC_DESTROY_CQ", [0x3000a] = "RNIC_CREATE_RC_QP",
	[0x3000b] = "RNIC_DESTROY_RC_QP", [0x3000d] = "RNIC_SET_QP_STATE",
	[0x30020] = "RNIC_CREATE_UC_QP", [0x30022] = "RNIC_QUERY_VF_COUNTERS",
	[0x30023] = "RNIC_QUERY_DEVICE_COUNTERS", [0x7f0001] = "NATIVE_BIND_DOORBELL",
}
local statuses = {
	[0] = "success", [0x105] = "more entries", [0xffffffff] = "unsupported command",
	[0x10001] = "too short", [0x10002] = "no such device", [0x10003] = "no such object",
	[0x10004] = "invalid field", [0x10005] = "in use", [0x10006] = "limit reached",
	[0x10007] = "memory that is not mapped",
}
local event_types = {
	[3] = "COMPLETION", [64] = "TEST_EVENT", [129] = "HWC_INIT_EQ_ID_DB", [130] = "HWC_INIT_DATA",
	[131] = "HWC_INIT_DONE", [132] = "HWC_FPGA_RECONFIG", [133] = "HWC_RECONFIG_DATA",
	[134] = "HWC_SOC_SERVICE", [135] = "HWC_RESET_REQUEST", [176] = "RNIC_QP_FATAL",
}
local ethernet_completions = {
	[0] = "INVALID", [1] = "RX_OKAY", [2] = "RX_COALESCED_4", [3] = "RX_OBJECT_FENCE",
	[4] = "RX_TRUNCATED", [32] = "TX_OKAY", [33] = "TX_SA_DROP", [34] = "TX_MTU_DROP",
	[35] = "TX_INVALID_OOB", [36] = "TX_INVALID_ETH_TYPE", [37] = "TX_HDR_PROCESSING_ERROR",
	[38] = "TX_VF_DISABLED", [39] = "TX_VPORT_IDX_OUT_OF_RANGE", [40] = "TX_VPORT_DISABLED",
	[41] = "TX_VLAN_TAGGING_VIOLATION", [42] = "TX_GDMA_ERR",
}
local rdma_completions = {
	[1] = "UD_SEND", [2] = "UD_SEND_IMM", [3] = "RC_SEND", [4] = "RC_SEND_IMM",
	[5] = "RC_SEND_INV", [6] = "RC_WRITE_IMM", [7] = "ARMED_CMPL", [8] = "LWR", [34] = "ERROR",
}
-- The kind of queue that a doorbell at this offset of its page is for, and whether it is short
local doorbells = {
	[0x000] = { 1 }, [0x010] = { 1, true }, [0x400] = { 2 }, [0x408] = { 2 },
	[0x410] = { 2, true }, [0x800] = { 3 }, [0x810] = { 3, true }, [0x820] = { 3 },
	[0xff0] = { 4, true }, [0xff8] = { 4 },
}

local f = {
	version = ProtoField.uint8("mana.version", "Format"),
	kind = ProtoField.uint8("mana.kind", "Kind", base.DEC, kinds),
	thread = ProtoField.uint16("mana.thread", "Thread"),
	length = ProtoField.uint32("mana.len", "Bytes of data as they were"),

	queue_id = ProtoField.uint32("mana.queue.id", "Queue"),
	queue_type = ProtoField.uint32("mana.queue.type", "Kind of queue", base.DEC, queue_types),
	queue_name = ProtoField.string("mana.queue.name", "Name"),
	queue_destroyed = ProtoField.bool("mana.queue.destroyed", "Destroyed"),
	queue_size = ProtoField.uint32("mana.queue.size", "Bytes"),
	queue_doorbell = ProtoField.uint32("mana.queue.doorbell", "Doorbell page"),
	queue_pd = ProtoField.uint32("mana.queue.pd", "Protection domain"),
	queue_parent = ProtoField.uint32("mana.queue.parent", "CQ, EQ or vector"),
	sq = ProtoField.uint32("mana.sq", "Send queue"),
	rq = ProtoField.uint32("mana.rq", "Receive queue"),
	cq = ProtoField.uint32("mana.cq", "Completion queue"),
	eq = ProtoField.uint32("mana.eq", "Event queue"),

	client = ProtoField.uint32("mana.client", "Client", base.DEC, clients),
	memory = ProtoField.uint32("mana.memory", "Memory", base.DEC, memories),
	memory_iova = ProtoField.uint64("mana.memory.iova", "IOVA", base.HEX),
	memory_size = ProtoField.uint64("mana.memory.size", "Bytes"),
	smc_answer = ProtoField.bool("mana.smc.answer", "Answer"),
	smc_data = ProtoField.bytes("mana.smc.data", "Aperture"),

	hwc_command = ProtoField.uint32("mana.hwc.command", "Command", base.HEX, commands),
	hwc_status = ProtoField.uint32("mana.hwc.status", "Status", base.HEX, statuses),
	hwc_answer = ProtoField.bool("mana.hwc.answer", "Answer"),
	hwc_message = ProtoField.uint32("mana.hwc.message", "Message id"),
	hwc_version = ProtoField.uint16("mana.hwc.version", "Version"),
	hwc_size = ProtoField.uint32("mana.hwc.size", "Bytes"),
	hwc_answer_version = ProtoField.uint16("mana.hwc.answer_version", "Version of the answer"),
	hwc_answer_size = ProtoField.uint32("mana.hwc.answer_size", "Bytes of the answer at most"),
	hwc_device = ProtoField.uint16("mana.hwc.device", "Device", base.DEC, devices),
	hwc_instance = ProtoField.uint16("mana.hwc.instance", "Instance"),
	hwc_activity = ProtoField.uint32("mana.hwc.activity", "Activity", base.HEX),
	hwc_body = ProtoField.bytes("mana.hwc.body", "Fields of the command"),

	doorbell_page = ProtoField.uint32("mana.doorbell.page", "Page"),
	doorbell_shared = ProtoField.bool("mana.doorbell.shared", "In shared memory"),
	doorbell_offset = ProtoField.uint32("mana.doorbell.offset", "Offset", base.HEX),
	doorbell_value = ProtoField.uint64("mana.doorbell.value", "Value", base.HEX),
	doorbell_tail = ProtoField.uint32("mana.doorbell.tail", "Tail"),
	doorbell_more = ProtoField.uint32("mana.doorbell.more", "Added to the tail"),
	doorbell_arm = ProtoField.bool("mana.doorbell.arm", "Arm"),

	wqe_position = ProtoField.uint32("mana.wqe.position", "Basic unit"),
	wqe_size = ProtoField.uint32("mana.wqe.size", "Bytes"),
	wqe_sges = ProtoField.uint8("mana.wqe.num_sge", "Elements"),
	wqe_oob = ProtoField.uint8("mana.wqe.oob_size", "Bytes of inline OOB"),
	wqe_oob_in_sgl = ProtoField.bool("mana.wqe.client_oob_in_sgl", "OOB in the first element (TSO)"),
	wqe_unit = ProtoField.uint16("mana.wqe.client_data_unit", "Client data unit"),
	wqe_oob_data = ProtoField.bytes("mana.wqe.oob", "Inline OOB"),
	wqe_address = ProtoField.uint64("mana.wqe.sge.address", "Address", base.HEX),
	wqe_key = ProtoField.uint32("mana.wqe.sge.mem_key", "Memory key", base.HEX),
	wqe_bytes = ProtoField.uint32("mana.wqe.sge.size", "Bytes"),

	cqe_slot = ProtoField.uint32("mana.cqe.slot", "Slot"),
	cqe_type = ProtoField.uint8("mana.cqe.type", "Type"),
	cqe_name = ProtoField.string("mana.cqe.name", "Name"),
	cqe_error = ProtoField.bool("mana.cqe.error", "Error"),
	cqe_wq = ProtoField.uint32("mana.cqe.wq", "Work queue"),
	cqe_is_sq = ProtoField.bool("mana.cqe.is_sq", "Of a send queue"),
	cqe_owner = ProtoField.uint8("mana.cqe.owner", "Owner bits"),
	cqe_packet = ProtoField.uint16("mana.cqe.pkt_len", "Bytes of a packet"),
	cqe_hash = ProtoField.uint32("mana.cqe.pkt_hash", "Hash", base.HEX),
	cqe_data = ProtoField.bytes("mana.cqe.data", "Data"),

	eqe_slot = ProtoField.uint32("mana.eqe.slot", "Slot"),
	eqe_type = ProtoField.uint8("mana.eqe.type", "Type", base.DEC, event_types),
	eqe_cq = ProtoField.uint32("mana.eqe.cq", "Completion queue"),
	eqe_owner = ProtoField.uint8("mana.eqe.owner", "Owner bits"),
	eqe_raises = ProtoField.bool("mana.eqe.raises", "Raises an interrupt"),
	eqe_data = ProtoField.bytes("mana.eqe.data", "Data"),

	vector = ProtoField.uint32("mana.interrupt.vector", "Vector"),
	fault = ProtoField.string("mana.fault", "Fault"),
	lost = ProtoField.uint64("mana.lost", "Records and frames that could not be kept"),
	start = ProtoField.string("mana.start", "Adapter"),
}
for _, field in pairs(f) do
	table.insert(mana.fields, field)
end

local bad = ProtoExpert.new("mana.unknown", "Not a record of a version that is known",
	expert.group.UNDECODED, expert.severity.WARN)
local failed = ProtoExpert.new("mana.failed", "The command failed", expert.group.RESPONSE_CODE,
	expert.severity.ERROR)
local erroneous = ProtoExpert.new("mana.error_completion", "Error completion",
	expert.group.RESPONSE_CODE, expert.severity.ERROR)
local missing = ProtoExpert.new("mana.gap", "Something is missing in the trace",
	expert.group.SEQUENCE, expert.severity.WARN)
mana.experts = { bad, failed, erroneous, missing }

local by_type = { f.sq, f.rq, f.cq, f.eq }

-- A queue that a record is about: so "mana.sq == 5" follows a queue
local function about(tree, kind, id)
	if by_type[kind] then
		tree:add(by_type[kind], id):set_generated()
	end
end

-- The queue of the record itself; returns its name
local function own(tree, kind, id)
	local name = (queue_types[kind] or "queue ") .. " " .. id

	tree:add(f.queue_type, kind):set_generated()
	tree:add(f.queue_id, id):set_generated()
	tree:add(f.queue_name, name):set_generated()
	about(tree, kind, id)
	return name
end

local decode = {}

-- The data of a record that has none
local nothing = { len = function() return 0 end }

decode[1] = function(r)
	r.tree:add(f.client, r.type)
	return "client " .. (clients[r.type] or r.type)
end

decode[2] = function(r)
	r.tree:add(f.memory, r.type)
	r.tree:add(f.memory_iova, r.value)
	if r.data:len() >= 8 then
		r.tree:add_le(f.memory_size, r.data(0, 8))
	end
	return "memory " .. (memories[r.type] or r.type)
end

decode[3] = function(r)
	r.tree:add(f.smc_answer, r.type == 1)
	if r.data:len() > 0 then
		r.tree:add(f.smc_data, r.data())
	end
	return r.type == 1 and "shared-memory channel: answer" or "shared-memory channel: request"
end

local function message(r, answer)
	local data = r.data
	local fixed = answer and 32 or 40
	local item = r.tree:add(f.hwc_command, r.type)
	local text = commands[r.type] or string.format("command 0x%x", r.type)

	r.tree:add(f.hwc_answer, answer)
	r.tree:add(f.hwc_message, r.position)
	if data:len() >= 16 then
		r.tree:add_le(f.hwc_version, data(8, 2))
		r.tree:add_le(f.hwc_size, data(12, 4))
	end
	if data:len() < fixed then
		return text
	end
	if not answer then
		r.tree:add_le(f.hwc_answer_version, data(24, 2))
		r.tree:add_le(f.hwc_answer_size, data(28, 4))
	end
	local device = answer and 16 or 32
	r.tree:add_le(f.hwc_device, data(device, 2))
	r.tree:add_le(f.hwc_instance, data(device + 2, 2))
	r.tree:add_le(f.hwc_activity, data(device + 4, 4))
	if data:len() > fixed then
		r.tree:add(f.hwc_body, data(fixed))
	end
	return text, item
end

decode[4] = function(r)
	return (message(r, false))
end

decode[5] = function(r)
	local text, item = message(r, true)
	local status = r.value:lower()

	r.tree:add(f.hwc_status, status)
	if status ~= 0 and status ~= 0x105 then
		(item or r.tree):add_proto_expert_info(failed)
	end
	return text .. ": " .. (statuses[status] or string.format("status 0x%x", status))
end

decode[6] = function(r)
	local data = r.data

	r.tree:add(f.queue_destroyed, r.type == 1)
	if data:len() < 20 then
		return "queue " .. r.queue
	end
	local kind = data(0, 4):le_uint()
	local parent = data(16, 4):le_uint()
	local name = own(r.tree, kind, r.queue)
	r.tree:add_le(f.queue_size, data(4, 4))
	r.tree:add_le(f.queue_doorbell, data(8, 4))
	r.tree:add_le(f.queue_pd, data(12, 4))
	if parent ~= 0xffffffff then
		r.tree:add_le(f.queue_parent, data(16, 4))
		if kind ~= 4 then
			about(r.tree, kind == 3 and 4 or 3, parent)
		end
	end
	return name .. (r.type == 1 and " destroyed" or " created")
end

decode[7] = function(r)
	local low, high = r.value:lower(), r.value:higher()

	if r.position == 0xffffffff then
		local name = own(r.tree, r.type, r.queue)

		r.tree:add(f.doorbell_shared, true)
		r.tree:add(f.doorbell_tail, low)
		return name .. " doorbell in shared memory, tail " .. low
	end
	r.tree:add(f.doorbell_shared, false)
	r.tree:add(f.doorbell_page, r.position)
	r.tree:add(f.doorbell_offset, r.type)
	r.tree:add(f.doorbell_value, r.value)
	local bell = doorbells[r.type]
	if not bell then
		return string.format("doorbell at offset 0x%x, which is none", r.type)
	end
	local kind, short = bell[1], bell[2]
	local id, arm, tail
	if r.type == 0x820 then
		return own(r.tree, kind, bit.band(low, 0xffffff)) .. string.format(
			" doorbell, moderation: %d us, %d completions", bit.band(high, 0x3ff),
			bit.band(bit.rshift(high, 16), 0xff))
	end
	if short then
		id = bit.band(bit.rshift(low, 16), 0xfff)
		tail = bit.band(low, 0xffff)
		arm = kind >= 3 and bit.band(bit.rshift(low, 31), 1) == 1
		r.tree:add(f.doorbell_more, tail)
	else
		id = bit.band(low, kind == 4 and 0xffff or 0xffffff)
		arm = kind >= 3 and bit.band(bit.rshift(high, 31), 1) == 1
		tail = kind >= 3 and bit.band(high, 0x7fffffff) or high
		r.tree:add(f.doorbell_tail, tail)
	end
	if kind >= 3 then
		r.tree:add(f.doorbell_arm, arm)
	end
	return own(r.tree, kind, id) .. " doorbell, " .. (short and "more " or "tail ") .. tail ..
		(arm and ", armed" or "")
end

decode[8] = function(r)
	local data = r.data
	local name = own(r.tree, r.type, r.queue)

	r.tree:add(f.wqe_position, r.position)
	r.tree:add(f.wqe_size, r.length)
	if data:len() < 8 then
		return name .. " entry"
	end
	local sges = data(4, 1):le_uint()
	local shape = data(5, 1):le_uint()
	local oob = ({ [6] = 24, [7] = 32 })[bit.band(shape, 7)] or 8
	local in_sgl = bit.band(shape, 8) ~= 0
	local bytes = 0
	r.tree:add(f.wqe_sges, data(4, 1))
	r.tree:add(f.wqe_oob, data(5, 1), oob)
	r.tree:add(f.wqe_oob_in_sgl, data(5, 1), in_sgl)
	r.tree:add(f.wqe_unit, data(6, 2), bit.band(data(6, 2):le_uint(), 0x3fff))
	if data:len() >= 8 + oob then
		r.tree:add(f.wqe_oob_data, data(8, oob))
	end
	local at = bit.band(8 + oob + 15, 0xfff0)
	for i = 1, sges do
		if data:len() < at + 16 then
			break
		end
		local element = r.tree:add(mana, data(at, 16), "Element " .. i)
		element:add_le(f.wqe_address, data(at, 8))
		element:add_le(f.wqe_key, data(at + 8, 4))
		element:add_le(f.wqe_bytes, data(at + 12, 4))
		bytes = bytes + data(at + 12, 4):le_uint()
		at = at + 16
	end
	return name .. " entry, unit " .. r.position .. ": " .. sges .. " elements, " .. bytes .. " bytes"
end

decode[9] = function(r)
	local data = r.data
	local cq = own(r.tree, 3, r.queue)

	r.tree:add(f.cqe_slot, r.position)
	if data:len() < 64 then
		return cq .. " completion"
	end
	local first = data(0, 1):le_uint()
	local kind = bit.band(first, 0x3f)
	local client = bit.rshift(first, 6)
	local info = data(60, 4):le_uint()
	local wq = bit.band(info, 0xffffff)
	local is_sq = bit.band(info, 0x1000000) ~= 0
	local name, error
	if client == 1 then
		name = ethernet_completions[kind] or "unknown"
		error = not (kind >= 1 and kind <= 3) and kind ~= 32
	elseif client == 0 then
		name = kind == 0 and "SENT" or rdma_completions[kind] or "unknown"
		error = kind == 34
	else
		name, error = "MESSAGE", false
	end
	local item = r.tree:add(f.cqe_type, data(0, 1), kind)
	item:append_text(" (" .. name .. ")")
	r.tree:add(f.cqe_name, data(0, 1), name)
	r.tree:add(f.cqe_error, data(0, 1), error)
	r.tree:add(f.cqe_wq, data(60, 3), wq)
	r.tree:add(f.cqe_is_sq, data(63, 1), is_sq)
	r.tree:add(f.cqe_owner, data(63, 1), bit.rshift(info, 29))
	about(r.tree, is_sq and 1 or 2, wq)
	if client == 1 and not is_sq then
		for i = 0, kind == 2 and 3 or 0 do
			if data(8 + 12 * i, 2):le_uint() == 0 then
				break
			end
			r.tree:add_le(f.cqe_packet, data(8 + 12 * i, 2))
			r.tree:add_le(f.cqe_hash, data(16 + 12 * i, 4))
		end
	end
	r.tree:add(f.cqe_data, data(0, 60))
	if error then
		item:add_proto_expert_info(erroneous)
	end
	return cq .. " completion " .. name .. " of " .. (is_sq and "SQ " or "RQ ") .. wq
end

decode[10] = function(r)
	local data = r.data
	local eq = own(r.tree, 4, r.queue)

	r.tree:add(f.eqe_slot, r.position)
	r.tree:add(f.eqe_raises, r.value:lower() == 1)
	if data:len() < 16 then
		return eq .. " event"
	end
	local kind = data(12, 1):le_uint()
	local text = event_types[kind] or kind
	r.tree:add(f.eqe_type, data(12, 1))
	r.tree:add(f.eqe_owner, data(15, 1), bit.rshift(data(15, 1):le_uint(), 5))
	r.tree:add(f.eqe_data, data(0, 12))
	if kind == 3 then
		local cq = bit.band(data(0, 4):le_uint(), 0xffffff)

		r.tree:add(f.eqe_cq, data(0, 3), cq)
		about(r.tree, 3, cq)
		text = text .. " of CQ " .. cq
	end
	return eq .. " event " .. text
end

decode[11] = function(r)
	r.tree:add(f.vector, r.position)
	return "interrupt, vector " .. r.position
end

decode[12] = function(r)
	local text = r.data:len() > 0 and r.data():string() or ""

	r.tree:add(f.fault, text)
	return "fault: " .. text
end

decode[13] = function(r)
	r.tree:add(f.lost, r.value):add_proto_expert_info(missing)
	return r.value:tonumber() .. " records and frames could not be kept"
end

decode[14] = function(r)
	local text = r.data:len() > 0 and r.data():string() or ""

	r.tree:add(f.start, text)
	return "the trace of " .. text .. " begins"
end

function mana.dissector(buffer, pinfo, root)
	pinfo.cols.protocol = "MANA"
	local tree = root:add(mana, buffer())
	local length = buffer:len()
	local header = length >= 32 and buffer(2, 2):le_uint() or 0

	if length < 32 or buffer(0, 1):le_uint() ~= 1 or header < 32 or header > length then
		tree:add_proto_expert_info(bad)
		return 0
	end
	tree:add(f.version, buffer(0, 1))
	tree:add(f.kind, buffer(1, 1))
	tree:add_le(f.thread, buffer(24, 2))
	tree:add_le(f.length, buffer(28, 4))
	local kind = buffer(1, 1):le_uint()
	local record = {
		tree = tree,
		queue = buffer(4, 4):le_uint(),
		type = buffer(8, 4):le_uint(),
		position = buffer(12, 4):le_uint(),
		value = buffer(16, 8):le_uint64(),
		length = buffer(28, 4):le_uint(),
		data = header < length and buffer(header):tvb() or nothing,
	}
	if not decode[kind] then
		tree:add_proto_expert_info(bad)
		return length
	end
	local text = decode[kind](record)
	pinfo.cols.info = text
	tree:append_text(": " .. text)
	return length
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, mana)
