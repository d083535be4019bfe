/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The messages of vhost-user as data, for programs that show, check or generate
 * them: tracers, dissectors, conformance tests. The sessions of this library
 * (frontend.h, backend.h) use the same table.
 *
 *   message   a row per request: its payload, descriptors, reply and conditions
 *   payload   the layout of a payload: its sizes and fields
 *
 *	m = vhost_user_message(VHOST_USER_SIDE_FRONTEND, header.request);
 *	if (m) {
 *		vhost_user_message_describe(m, false, payload, header.size,
 *					    text, sizeof(text));
 *		printf("%s %s\n", m->name, text);
 *	}
 *
 * Numbers, flags and bits are those of protocol.h. Every integer of a payload is in the
 * byte order of the host.
 *
 * Threads: the tables are constant, the functions are pure.
 */
#ifndef VHOST_MESSAGE_H
#define VHOST_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vhost/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* The sender of a request. Both sides number their requests from 1. */
enum vhost_user_side {
	VHOST_USER_SIDE_FRONTEND,	/* on the main socket */
	VHOST_USER_SIDE_BACKEND,	/* on the back-end channel */
	VHOST_USER_SIDES
};

enum vhost_user_payload_kind {
	VHOST_USER_PAYLOAD_EMPTY,
	VHOST_USER_PAYLOAD_U64,
	VHOST_USER_PAYLOAD_RESULT,	/* u64, 0: success */
	VHOST_USER_PAYLOAD_FEATURES,	/* u64, bits of the device */
	VHOST_USER_PAYLOAD_PROTOCOL_FEATURES, /* u64 */
	VHOST_USER_PAYLOAD_RING,	/* u64, ring index and the NOFD bit */
	VHOST_USER_PAYLOAD_MAC,		/* u64, the address is in its first 6 bytes */
	VHOST_USER_PAYLOAD_STATUS,	/* u64, VIRTIO device status */
	VHOST_USER_PAYLOAD_STATE,
	VHOST_USER_PAYLOAD_ADDR,
	VHOST_USER_PAYLOAD_TABLE,
	VHOST_USER_PAYLOAD_REGION,
	VHOST_USER_PAYLOAD_LOG,
	VHOST_USER_PAYLOAD_IOTLB,
	VHOST_USER_PAYLOAD_CONFIG,
	VHOST_USER_PAYLOAD_INFLIGHT,
	VHOST_USER_PAYLOAD_AREA,
	VHOST_USER_PAYLOAD_SHARED,
	VHOST_USER_PAYLOAD_TRANSFER,
	VHOST_USER_PAYLOAD_MMAP,
	VHOST_USER_PAYLOAD_SHMEM,
	VHOST_USER_PAYLOAD_CRYPTO,
	VHOST_USER_PAYLOAD_KINDS
};

/* The descriptors that a request or a reply carries. */
enum vhost_user_fds {
	VHOST_USER_FDS_NONE,
	VHOST_USER_FDS_ONE,
	VHOST_USER_FDS_UNLESS_NOFD,	/* one; none if bit 8 of the u64 is set */
	VHOST_USER_FDS_PER_REGION,
	VHOST_USER_FDS_OPTIONAL,	/* none or one, depending on the device */
	VHOST_USER_FDS_IGNORED,		/* none; one is closed without an error */
};

enum vhost_user_reply_rule {
	VHOST_USER_REPLY_ACK,	/* u64, only with REPLY_ACK and NEED_REPLY */
	VHOST_USER_REPLY_STATUS, /* u64, always */
	VHOST_USER_REPLY_VALUE,	/* payload of its own, always; empty if the request is refused */
};

/* The state in which a request is legal. */
enum vhost_user_when {
	VHOST_USER_WHEN_ALWAYS,
	VHOST_USER_WHEN_SUSPENDED,	/* all rings are stopped */
	VHOST_USER_WHEN_STARTED,	/* at least one ring is started */
};

/* In place of a bit: no feature is required. */
#define VHOST_USER_NO_BIT	0xffu

/* A row of the table. Programs receive rows by reference; later versions append members. */
struct vhost_user_message {
	uint8_t number;
	uint8_t kind;		/* enum vhost_user_payload_kind, of the request */
	uint8_t fds;		/* enum vhost_user_fds */
	uint8_t reply;		/* enum vhost_user_reply_rule */
	uint8_t reply_kind;	/* of a VALUE, else RESULT */
	uint8_t reply_fds;
	uint8_t protocol_bit;	/* must be negotiated, or NO_BIT */
	uint8_t feature_bit;	/* likewise, in the device's feature word */
	uint8_t when;		/* enum vhost_user_when */
	const char *name;	/* as in the specification, "SET_VRING_NUM" */
	const char *section;	/* of the specification: its rules of use */
};

enum vhost_user_field_format {
	VHOST_USER_FIELD_DECIMAL,
	VHOST_USER_FIELD_SIGNED,
	VHOST_USER_FIELD_HEX,
	VHOST_USER_FIELD_FEATURES,	/* bits of the device's feature word */
	VHOST_USER_FIELD_PROTOCOL_FEATURES,
	VHOST_USER_FIELD_MAC,		/* the first 6 bytes */
	VHOST_USER_FIELD_UUID,		/* 16 bytes */
};

struct vhost_user_field {
	const char *name;	/* as in the structs of protocol.h */
	uint16_t offset;	/* bytes */
	uint8_t width;		/* bytes of an element: 1, 2, 4 or 8; a UUID has 16 */
	uint8_t format;		/* enum vhost_user_field_format */
	uint16_t count;		/* elements: 1, or an array in which 0 means absent */
};

/* The layout of a payload. Later versions append members. */
struct vhost_user_payload {
	const char *name;
	uint16_t size;		/* bytes; of the head, if elements follow */
	uint16_t alt;		/* the only other size in use, or the same */
	uint16_t unit;		/* bytes of an element behind the head; 0: none */
	uint16_t max;		/* bytes with all elements */
	uint8_t nfields, nunit_fields;
	const struct vhost_user_field *fields;
	const struct vhost_user_field *unit_fields; /* NULL: elements are bytes */
};

/* The row of a request, or NULL if the number is unknown. */
VHOST_USER_API const struct vhost_user_message *
vhost_user_message(enum vhost_user_side side, uint32_t number);

/* The name for messages to people; "request" for an unknown number. */
VHOST_USER_API const char *vhost_user_message_name(enum vhost_user_side side,
						   uint32_t number);

/* Name of a protocol feature bit, or NULL. */
VHOST_USER_API const char *vhost_user_protocol_feature_name(unsigned int bit);

/* kind must be below VHOST_USER_PAYLOAD_KINDS. */
VHOST_USER_API const struct vhost_user_payload *
vhost_user_payload(enum vhost_user_payload_kind kind);

/*
 * The number in element i of a field, from a payload of size bytes, which may be
 * unaligned. Returns false if the payload ends before it, or if it is not a number
 * (UUID). A MAC is in the byte order of the host, as in the message.
 */
VHOST_USER_API bool vhost_user_field_value(const struct vhost_user_field *field,
					   unsigned int i, const void *payload,
					   size_t size, uint64_t *value);

/*
 * Writes the fields of a request (reply: of a reply to it) as a line of text without
 * a newline: "index 0, num 256". Returns its length without the NUL, at most len - 1;
 * a longer text is truncated. Bytes beyond the fields of an unexpected size are omitted.
 */
VHOST_USER_API size_t vhost_user_message_describe(
		const struct vhost_user_message *m, bool reply,
		const void *payload, size_t size, char *text, size_t len);

/*
 * Checks a request (reply: a reply to it) by its row: flags, the size of the payload
 * and the counts in it, and the number of descriptors. payload has size bytes.
 * -EBADMSG, -EMSGSIZE or -EOPNOTSUPP (the format of XEN_MMAP), with a sentence.
 */
VHOST_USER_API int vhost_user_message_check(
		const struct vhost_user_message *m, bool reply, uint32_t flags,
		const void *payload, uint32_t size, unsigned int nfds,
		struct vsu_error *err) VSU_NODISCARD;

VSU_END_DECLS

#endif
