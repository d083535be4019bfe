/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The layouts of payloads: sizes and fields, and their text. */
#include <config.h>

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "wire/messages.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

#define ARRAY(type, member, format, count) \
	{ #member, offsetof(struct vhost_user_##type, member), \
	  sizeof(((struct vhost_user_##type *)0)->member) / (count), \
	  VHOST_USER_FIELD_##format, count }
#define FIELD(type, member, format) ARRAY(type, member, format, 1)
/* A payload of 8 bytes: its name depends on the message. */
#define WORD(kind, name, format) \
	static const struct vhost_user_field kind##_fields[] = { \
		{ name, 0, 8, VHOST_USER_FIELD_##format, 1 } \
	}

WORD(u64, "u64", DECIMAL);
WORD(result, "result", HEX);
WORD(features, "features", FEATURES);
WORD(protocol, "protocol-features", PROTOCOL_FEATURES);
WORD(status, "status", HEX);
WORD(mac, "mac", MAC);

/* The index, and the byte above it, whose lowest bit is VHOST_USER_VRING_NOFD. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define BYTE_OF_WORD(n) (n)
#else
#define BYTE_OF_WORD(n) (7 - (n))
#endif
static const struct vhost_user_field ring_fields[] = {
	{ "index", BYTE_OF_WORD(0), 1, VHOST_USER_FIELD_DECIMAL, 1 },
	{ "nofd", BYTE_OF_WORD(1), 1, VHOST_USER_FIELD_DECIMAL, 1 },
};
static const struct vhost_user_field state_fields[] = {
	FIELD(vring_state, index, DECIMAL),
	FIELD(vring_state, num, DECIMAL),
};
static const struct vhost_user_field addr_fields[] = {
	FIELD(vring_addr, index, DECIMAL),
	FIELD(vring_addr, flags, HEX),
	FIELD(vring_addr, desc, HEX),
	FIELD(vring_addr, used, HEX),
	FIELD(vring_addr, avail, HEX),
	FIELD(vring_addr, log_guest_addr, HEX),
};
static const struct vhost_user_field table_fields[] = {
	FIELD(mem_table, nregions, DECIMAL),
};
static const struct vhost_user_field region_fields[] = {
	FIELD(mem_region, guest_addr, HEX),
	FIELD(mem_region, size, HEX),
	FIELD(mem_region, user_addr, HEX),
	FIELD(mem_region, mmap_offset, HEX),
};
#define REGION_FIELD(member) \
	{ #member, offsetof(struct vhost_user_mem_reg, region.member), 8, \
	  VHOST_USER_FIELD_HEX, 1 }
static const struct vhost_user_field mem_reg_fields[] = {
	REGION_FIELD(guest_addr),
	REGION_FIELD(size),
	REGION_FIELD(user_addr),
	REGION_FIELD(mmap_offset),
};
static const struct vhost_user_field log_fields[] = {
	FIELD(log, mmap_size, HEX),
	FIELD(log, mmap_offset, HEX),
};
static const struct vhost_user_field iotlb_fields[] = {
	FIELD(iotlb, iova, HEX),
	FIELD(iotlb, size, HEX),
	FIELD(iotlb, user_addr, HEX),
	FIELD(iotlb, perm, DECIMAL),
	FIELD(iotlb, type, DECIMAL),
};
static const struct vhost_user_field config_fields[] = {
	FIELD(config, offset, DECIMAL),
	FIELD(config, size, DECIMAL),
	FIELD(config, flags, HEX),
};
static const struct vhost_user_field inflight_fields[] = {
	FIELD(inflight, mmap_size, HEX),
	FIELD(inflight, mmap_offset, HEX),
	FIELD(inflight, num_queues, DECIMAL),
	FIELD(inflight, queue_size, DECIMAL),
};
static const struct vhost_user_field area_fields[] = {
	FIELD(vring_area, u64, HEX),
	FIELD(vring_area, size, HEX),
	FIELD(vring_area, offset, HEX),
};
static const struct vhost_user_field shared_fields[] = {
	FIELD(shared, uuid, UUID),
};
static const struct vhost_user_field transfer_fields[] = {
	FIELD(transfer, direction, DECIMAL),
	FIELD(transfer, phase, DECIMAL),
};
static const struct vhost_user_field mmap_fields[] = {
	FIELD(shmem_mmap, shmid, DECIMAL),
	FIELD(shmem_mmap, fd_offset, HEX),
	FIELD(shmem_mmap, shm_offset, HEX),
	FIELD(shmem_mmap, len, HEX),
	FIELD(shmem_mmap, flags, HEX),
};
static const struct vhost_user_field shmem_fields[] = {
	FIELD(shmem_config, nregions, DECIMAL),
	ARRAY(shmem_config, sizes, HEX, VHOST_USER_MAX_SHMEM),
};
static const struct vhost_user_field crypto_fields[] = {
	FIELD(crypto_session, op_code, HEX),
	FIELD(crypto_session, session_id, SIGNED),
};

/* name, size, alternative size, bytes of an element, maximum size, fields */
#define LAYOUT(kind, name, size, alt, unit, max, fields) \
	[VHOST_USER_PAYLOAD_##kind] = { name, size, alt, unit, max, \
					COUNT(fields), 0, fields, NULL }
#define FIXED(kind, name, size, fields) \
	LAYOUT(kind, name, size, size, 0, size, fields)

static const struct vhost_user_payload payloads[VHOST_USER_PAYLOAD_KINDS] = {
	[VHOST_USER_PAYLOAD_EMPTY] = { .name = "empty" },
	FIXED(U64, "u64", 8, u64_fields),
	FIXED(RESULT, "result", 8, result_fields),
	FIXED(FEATURES, "features", 8, features_fields),
	FIXED(PROTOCOL_FEATURES, "protocol features", 8, protocol_fields),
	FIXED(RING, "ring", 8, ring_fields),
	FIXED(MAC, "MAC", 8, mac_fields),
	FIXED(STATUS, "device status", 8, status_fields),
	FIXED(STATE, "vring state", 8, state_fields),
	FIXED(ADDR, "vring address", 40, addr_fields),
	[VHOST_USER_PAYLOAD_TABLE] = {
		"memory table", 8, 8, 32, 8 + 32 * VHOST_USER_MAX_REGIONS,
		COUNT(table_fields), COUNT(region_fields), table_fields,
		region_fields
	},
	FIXED(REGION, "memory region", 40, mem_reg_fields),
	/* 8: without LOG_SHMFD */
	LAYOUT(LOG, "log", 16, 8, 0, 16, log_fields),
	FIXED(IOTLB, "IOTLB", 32, iotlb_fields),
	LAYOUT(CONFIG, "configuration", 12, 12, 1, VHOST_USER_PRIV_MAX_PAYLOAD,
	       config_fields),
	FIXED(INFLIGHT, "in-flight area", 24, inflight_fields),
	FIXED(AREA, "vring area", 24, area_fields),
	/* 0: QEMU omits the payload */
	LAYOUT(SHARED, "shared object", 16, 0, 0, 16, shared_fields),
	FIXED(TRANSFER, "state transfer", 8, transfer_fields),
	FIXED(MMAP, "shared memory mapping", 40, mmap_fields),
	FIXED(SHMEM, "shared memory configuration", 2056, shmem_fields),
	FIXED(CRYPTO, "crypto session", 1072, crypto_fields),
};

const struct vhost_user_payload *
vhost_user_payload(enum vhost_user_payload_kind kind)
{
	return &payloads[kind];
}

bool vhost_user_field_value(const struct vhost_user_field *field,
			    unsigned int i, const void *payload, size_t size,
			    uint64_t *value)
{
	const unsigned char *at = (const unsigned char *)payload + field->offset +
				  (size_t)i * field->width;
	uint16_t u16;
	uint32_t u32;

	if (i >= field->count ||
	    field->offset + (i + (size_t)1) * field->width > size)
		return false;
	switch (field->width) {
	case 1:
		*value = *at;
		return true;
	case 2:
		memcpy(&u16, at, sizeof(u16));
		*value = u16;
		return true;
	case 4:
		memcpy(&u32, at, sizeof(u32));
		*value = u32;
		return true;
	case 8:
		memcpy(value, at, sizeof(*value));
		return true;
	}
	return false;
}

/* ---------------------------------------------------------------------- text */

struct line {
	char *text;
	size_t len, room;	/* room: with the NUL */
};

static VSU_PRINTF(2, 3) void add(struct line *l, const char *fmt, ...)
{
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(l->text + l->len, l->room - l->len, fmt, args);
	va_end(args);
	if (n > 0)
		l->len += (size_t)n < l->room - l->len ? (size_t)n :
							 l->room - l->len - 1;
}

static void add_hex(struct line *l, const unsigned char *at, size_t n,
		    char separator)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (i && separator)
			add(l, "%c", separator);
		add(l, "%02x", at[i]);
	}
}

static void add_protocol_features(struct line *l, uint64_t bits)
{
	const char *name;
	unsigned int i;

	add(l, "%#" PRIx64, bits);
	for (i = 0; i < 64; i++) {
		if (!(bits >> i & 1))
			continue;
		name = vhost_user_protocol_feature_name(i);
		if (name)
			add(l, " %s", name);
		else
			add(l, " bit-%u", i);
	}
}

static void add_number(struct line *l, const struct vhost_user_field *f,
		       uint64_t value)
{
	switch (f->format) {
	case VHOST_USER_FIELD_DECIMAL:
		add(l, "%" PRIu64, value);
		break;
	case VHOST_USER_FIELD_SIGNED:
		add(l, "%" PRId64, (int64_t)value);
		break;
	case VHOST_USER_FIELD_PROTOCOL_FEATURES:
		add_protocol_features(l, value);
		break;
	default:
		add(l, "%#" PRIx64, value);
		break;
	}
}

/* The bytes of a field that is not a number, if the payload has them all. */
static void add_bytes(struct line *l, const struct vhost_user_field *f,
		      const unsigned char *payload, size_t size)
{
	const unsigned char *at = payload + f->offset;

	if (f->format == VHOST_USER_FIELD_UUID &&
	    f->offset + (size_t)f->width <= size) {
		add(l, "%s ", f->name);
		add_hex(l, at, f->width, 0);
	} else if (f->format == VHOST_USER_FIELD_MAC && f->offset + 6u <= size) {
		add(l, "%s ", f->name);
		add_hex(l, at, 6, ':');
	}
}

static void add_element(struct line *l, const struct vhost_user_field *f,
			unsigned int i, const unsigned char *payload,
			size_t size)
{
	uint64_t value;

	if (!vhost_user_field_value(f, i, payload, size, &value) ||
	    (f->count > 1 && !value))
		return;
	if (l->len)
		add(l, ", ");
	if (f->count > 1)
		add(l, "%s[%u] ", f->name, i);
	else
		add(l, "%s ", f->name);
	add_number(l, f, value);
}

static void add_fields(struct line *l, const struct vhost_user_field *f,
		       unsigned int n, const unsigned char *payload,
		       size_t size)
{
	unsigned int i;

	for (; n; n--, f++) {
		if (f->format == VHOST_USER_FIELD_MAC ||
		    f->format == VHOST_USER_FIELD_UUID)
			add_bytes(l, f, payload, size);
		for (i = 0; f->format < VHOST_USER_FIELD_MAC && i < f->count; i++)
			add_element(l, f, i, payload, size);
	}
}

static void add_units(struct line *l, const struct vhost_user_payload *p,
		      const unsigned char *payload, size_t size)
{
	size_t at = p->size;

	if (size > p->max)
		size = p->max;
	if (!p->unit_fields && p->unit && size > at) {
		add(l, ", bytes ");
		add_hex(l, payload + at, size - at, 0);
		return;
	}
	for (; p->unit_fields && at + p->unit <= size; at += p->unit)
		add_fields(l, p->unit_fields, p->nunit_fields, payload + at,
			   p->unit);
}

size_t vhost_user_message_describe(const struct vhost_user_message *m,
				   bool reply, const void *payload, size_t size,
				   char *text, size_t len)
{
	const struct vhost_user_payload *p =
		&payloads[reply ? m->reply_kind : m->kind];
	struct line l = { .text = text, .room = len };

	if (!len)
		return 0;
	text[0] = '\0';
	add_fields(&l, p->fields, p->nfields, payload, size);
	add_units(&l, p, payload, size);
	return l.len;
}
