/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cases of "check" for the requests of each device. A row is a request with the value that
 * its reply must have, or a malformed one, which the back-end must survive.
 */
#include <config.h>

#include <endian.h>
#include <string.h>

#include <virtio-devices/blk_layout.h>
#include <virtio-queue/features.h>

#include "check_case.h"

#define WORDS 20
#define MAX_REQUEST 0x2000u
#define PATTERN 0x5a
#define UNWRITTEN 0xee		/* in the reply */

struct data {
	uint64_t extra;		/* features */
	unsigned int ring;
	uint32_t len, reply;	/* bytes that are readable, and writable */
	uint32_t at, width;	/* of the value in the reply; width 0: there is none */
	uint32_t expected;
	uint32_t cut;		/* maximum bytes of a buffer; 0: no limit */
	uint32_t min;		/* bytes that are written at least */
	uint32_t head;		/* bytes of words; 0: all */
	uint32_t words[WORDS];	/* the request begins with them; a pattern follows */
};

static bool offer(struct check *c, const struct data *d)
{
	const struct check_shape shape = { .cut = d->cut };
	unsigned char bytes[MAX_REQUEST];
	uint32_t words[WORDS];
	const uint32_t head = d->head ? d->head : (uint32_t)sizeof(words);
	unsigned int i;

	for (i = 0; i < WORDS; i++)
		words[i] = htole32(d->words[i]);
	memset(bytes, PATTERN, sizeof(bytes));
	memcpy(bytes, words, head < d->len ? head : d->len);
	memset(c->guest + CHECK_REPLY, UNWRITTEN, d->reply);
	if (!check_request(c, &shape, 0, bytes, d->len, d->reply))
		return false;
	check_kick(c);
	return true;
}

static uint32_t value(const struct check *c, uint32_t at, uint32_t width)
{
	uint32_t le = 0;

	memcpy(&le, c->guest + CHECK_REPLY + at, width);
	return le32toh(le);
}

static bool has_value(struct check *c, uint32_t at, uint32_t width, uint32_t expected)
{
	const uint32_t got = value(c, at, width);

	return check_that(c, got == expected, "byte %u of the reply has %d, expected %d", at,
			  (int)got, (int)expected);
}

/* A disk's value is the status. */
static bool has_answer(struct check *c, const struct data *d)
{
	const uint32_t got = value(c, d->at, d->width);

	if (strcmp(c->device, "blk"))
		return has_value(c, d->at, d->width, d->expected);
	return check_that(c, got == d->expected,
			  "a request of type %u at sector %u, with %u bytes to read and %u to write, has status %u, expected %u",
			  d->words[0], d->words[2], d->len, d->reply, got, d->expected);
}

static bool complete(struct check *c, const struct data *d)
{
	struct check_used used;

	return offer(c, d) && check_used(c, &used) &&
	       check_that(c, used.len <= d->reply && used.len >= d->min,
			  "%u bytes are reported, of at least %u and at most %u", used.len,
			  d->min, d->reply) &&
	       has_answer(c, d);
}

static bool start(struct check *c)
{
	const struct data *d = c->row->with;

	c->extra = d->extra;
	c->ring = d->ring;
	return check_start(c);
}

static bool complete_row(struct check *c)
{
	return complete(c, c->row->with);
}

static bool offer_row(struct check *c)
{
	return offer(c, c->row->with);
}

/* The first 8 bytes of the configuration space. */
static bool config_word(struct check *c, uint64_t *word)
{
	const struct vhost_user_config request = { .size = 8 };
	unsigned char bytes[20] = { 0 };

	memcpy(bytes, &request, sizeof(request));
	if (!check_send(c, VHOST_USER_GET_CONFIG, V1, bytes, sizeof(bytes), NULL, 0) ||
	    !check_reply(c, VHOST_USER_GET_CONFIG) || !check_reply_bytes(c, bytes, sizeof(bytes)))
		return false;
	memcpy(word, bytes + 12, sizeof(*word));
	*word = le64toh(*word);
	return true;
}

/* --------------------------------------------------------------------- disk */

#define T(name) VIRTDEV_BLK_T_##name
#define F(name) VIRTDEV_BLK_F_##name
#define SECTOR VIRTDEV_BLK_SECTOR

/* The reply to a read. */
static bool has_bytes(struct check *c, uint32_t n, int byte)
{
	uint32_t i;

	for (i = 0; i < n; i++)
		if (c->guest[CHECK_REPLY + i] != byte)
			return check_fail(c, "byte %u of the disk has %#x, expected %#x", i,
					  c->guest[CHECK_REPLY + i], byte);
	return true;
}

/* The reply to a read of n bytes with status OK. */
static bool reads(struct check *c, uint32_t sector, uint32_t n, int byte)
{
	const struct data in = { .len = 16, .reply = n + 1, .at = n, .width = 1,
				 .words = { T(IN), 0, sector } };

	return complete(c, &in) && has_bytes(c, n, byte);
}

/* The sectors that the row has written can be read. */
static bool is_written(struct check *c)
{
	const struct data *d = c->row->with;

	return reads(c, d->words[2], d->len - 16, PATTERN);
}

static bool write_sector_2(struct check *c)
{
	const struct data out = { .len = 16 + SECTOR, .reply = 1, .width = 1, .head = 16,
				  .words = { T(OUT), 0, 2 } };

	return complete(c, &out);
}

static bool is_zeroed(struct check *c)
{
	return reads(c, 2, SECTOR, 0);
}

#define LAST UINT32_MAX

/* The sector, of the header or of a range, is relative to the end of the disk: LAST or 0. */
static bool complete_at_end(struct check *c, struct data d)
{
	const unsigned int at = d.words[0] < T(FLUSH) ? 2 : 4;
	uint64_t capacity;

	if (!config_word(c, &capacity))
		return false;
	capacity -= d.words[at] == LAST;
	d.words[at] = (uint32_t)capacity;
	d.words[at + 1] = (uint32_t)(capacity >> 32);
	return complete(c, &d);
}

static bool complete_row_at_end(struct check *c)
{
	return complete_at_end(c, *(const struct data *)c->row->with);
}

static bool write_last(struct check *c)
{
	const struct data out = { .len = 16 + SECTOR, .reply = 1, .width = 1, .head = 16,
				  .words = { T(OUT), 0, LAST } };

	return complete_at_end(c, out);
}

static bool last_is_written(struct check *c)
{
	const struct data in = { .len = 16, .reply = SECTOR + 1, .at = SECTOR, .width = 1,
				 .words = { T(IN), 0, LAST } };

	return complete_at_end(c, in) && has_bytes(c, SECTOR, PATTERN);
}

static bool id_is_padded(struct check *c)
{
	return check_that(c, !memchr(c->guest + CHECK_REPLY, UNWRITTEN, 20),
			  "not all 20 bytes were written");
}

/* A device that has filled the buffers before its error may report them. */
static bool reports_what_it_wrote(struct check *c)
{
	struct check_used used;

	if (!offer_row(c) || !check_used(c, &used))
		return false;
	return check_that(c, !used.len || c->guest[CHECK_REPLY + used.len - 1] != UNWRITTEN,
			  "%u bytes are reported, which were not written", used.len) &&
	       check_that(c, !used.len || c->guest[CHECK_REPLY] != UNWRITTEN,
			  "%u bytes are reported, and the first was not written", used.len);
}

/* A back-end may refuse the write, and close the connection. */
static bool capacity_is_kept(struct check *c)
{
	struct {
		struct vhost_user_config head;
		uint64_t capacity;
	} config = { { .size = 8 }, UINT64_MAX };
	uint64_t before, after;

	if (!config_word(c, &before) || !check_send(c, VHOST_USER_SET_CONFIG, V1, &config, 20, NULL, 0))
		return false;
	return check_processed(c) && check_connect(c) && check_negotiate(c, c->row->needs) &&
	       config_word(c, &after) &&
	       check_that(c, before == after, "the driver has changed the capacity");
}

/* -------------------------------------------------------------- file system */

#define FUSE_INIT .words = { 104, 26, 1, 0, 0, 0, 0, 0, 0, 0, 7, 31, 0, 0 }

static bool fs_init(struct check *c)
{
	const struct data init = { .ring = 1, .len = 104, .reply = 80, .at = 4, .width = 4, FUSE_INIT };

	return complete(c, &init);
}

/* -------------------------------------------------------------------- vsock */

#define TX 1u
#define OP(type, op) ((type) | (op) << 16)

/* The reply in the receive ring is a reset of the same ports. */
static bool vsock_reset(struct check *c)
{
	const struct check_desc buffer = { CHECK_GUEST_ADDR + CHECK_REPLY, 4096, CHECK_WRITE, 0 };
	struct data d = *(const struct data *)c->row->with;
	struct check_used used;
	uint64_t cid;

	if (!config_word(c, &cid) || !start(c))
		return false;
	d.words[0] = (uint32_t)cid;
	c->ring = 0;
	if (!check_offer(c, 0, &buffer, 1))
		return false;
	check_kick(c);
	c->ring = TX;
	if (!complete(c, &d))
		return false;
	c->ring = 0;
	return check_used(c, &used) && has_value(c, 30, 2, 3) && has_value(c, 16, 4, d.words[5]) &&
	       has_value(c, 20, 4, d.words[4]);
}

/* --------------------------------------------------------------------- rows */

#define DATA(...) PF(REPLY_ACK), &(const struct data){ __VA_ARGS__ }
#define VALID(name, rule, section, ...) \
	{ name, rule, section, DATA(__VA_ARGS__), { start, complete_row, check_stop } }
#define MALFORMED(name, rule, section, ...) \
	{ name, rule CHECK_SURVIVED, section, DATA(__VA_ARGS__), \
	  { start, offer_row, check_settle, check_untouched, check_survives } }
#define STATUS(offset, value) \
	.reply = (offset) + 1, .at = offset, .width = 1, .expected = VIRTDEV_BLK_S_##value
#define BLK "VIRTIO: Block Device, Device Operation"
#define BLK_CONFIG "VIRTIO: Block Device, Device configuration layout"
#define BLK_ROW(name, rule, length, offset, value, ...) \
	VALID("blk." name, rule, BLK, .len = length, STATUS(offset, value), __VA_ARGS__)
#define BLK_WRITE(name, rule, number, sector, ...) \
	{ "blk." name, rule, BLK, DATA(.len = 16 + (number) * SECTOR, STATUS(0, OK), .head = 16, \
				       .words = { T(OUT), 0, sector }, __VA_ARGS__), \
	  { start, complete_row, is_written } }
#define BLK_BAD(name, rule, ...) MALFORMED("blk." name, rule, BLK, __VA_ARGS__)
#define BLK_END(name, rule, length, offset, value, type, sector, ...) \
	{ "blk." name, rule, BLK, PF(REPLY_ACK) | PF(CONFIG), \
	  &(const struct data){ .len = length, STATUS(offset, value), .words = { T(type), 0, sector } }, \
	  { start, __VA_ARGS__ } }
#define BEYOND 0x00f00000		/* the upper word of a sector */

const struct check_case check_blk[] = {
	BLK_ROW("read", "a sector is read", 16, 512, OK,),
	BLK_ROW("read-16", "16 sectors are read", 16, 8192, OK,),
	BLK_ROW("read-pieces", "a sector is read to buffers of 100 bytes", 16, 512, OK,
		.cut = 100),
	VALID("blk.read-nothing", "a read of 0 sectors is completed", BLK, .len = 16, .reply = 1),
	BLK_ROW("read-beyond", "a read beyond the end is an I/O error", 16, 512, IOERR,
		.words = { T(IN), 0, 0, BEYOND }),
	BLK_ROW("read-wraps", "a read that wraps is an I/O error", 16, 1024, IOERR,
		.words = { T(IN), 0, UINT32_MAX, UINT32_MAX }),
	BLK_WRITE("write", "a written sector can be read", 1, 1,),
	BLK_WRITE("write-8", "8 written sectors can be read", 8, 4,),
	BLK_WRITE("write-pieces", "a sector is written from buffers of 100 bytes", 1, 3, .cut = 100),
	BLK_ROW("write-beyond", "a write beyond the end is an I/O error", 16 + SECTOR, 0, IOERR,
		.words = { T(OUT), 0, 0, BEYOND }),
	BLK_ROW("write-wraps", "a write that wraps is an I/O error", 16 + 2 * SECTOR, 0, IOERR,
		.words = { T(OUT), 0, UINT32_MAX, UINT32_MAX }),
	BLK_END("read-last", "the last sector is read", 16, SECTOR, OK, IN, LAST, complete_row_at_end),
	BLK_END("read-end", "a read behind the last sector is an I/O error", 16, SECTOR, IOERR, IN, 0,
		complete_row_at_end),
	BLK_END("read-across", "a read across the end is an I/O error", 16, 2 * SECTOR, IOERR, IN,
		LAST, complete_row_at_end),
	BLK_END("write-last", "the last sector is written", 16 + SECTOR, 0, OK, OUT, LAST,
		complete_row_at_end, write_last, last_is_written),
	BLK_END("write-end", "a write behind the last sector is an I/O error", 16 + SECTOR, 0, IOERR,
		OUT, 0, complete_row_at_end),
	BLK_END("write-across", "a write across the end is an I/O error, and writes nothing",
		16 + 2 * SECTOR, 0, IOERR, OUT, LAST, write_last, complete_row_at_end,
		last_is_written),
	BLK_ROW("flush", "FLUSH is completed", 16, 0, OK, .extra = F(FLUSH), .words = { T(FLUSH) }),
	BLK_ROW("id", "GET_ID has 20 bytes", 16, 20, OK, .words = { T(GET_ID) }),
	{ "blk.id-padded", "GET_ID pads its 20 bytes", BLK,
	  DATA(.len = 16, STATUS(20, OK), .words = { T(GET_ID) }),
	  { start, complete_row, id_is_padded } },
	BLK_ROW("header-pieces", "a header may be in buffers of 5 bytes", 16, 20, OK, .cut = 5,
		.words = { T(GET_ID) }),
	{ "blk.length", "a failed read reports no bytes that it did not write",
	  "VIRTIO: The Virtqueue Used Ring",
	  DATA(.len = 16, .reply = SECTOR + 1, .words = { T(IN), 0, 0, BEYOND }),
	  { start, reports_what_it_wrote } },
	{ "blk.capacity-kept", "the driver cannot write the capacity", BLK_CONFIG,
	  PF(REPLY_ACK) | PF(CONFIG), NULL, { capacity_is_kept } },
	BLK_ROW("unknown", "an unknown type is unsupported", 16, 0, UNSUPP, .words = { 0x1234 }),
	BLK_ROW("unknown-data", "an unknown type with data is unsupported", 16 + SECTOR, 0,
		UNSUPP, .words = { 0x4321 }),
	{ "blk.zeroes", "WRITE_ZEROES zeroes a sector", BLK,
	  DATA(.len = 32, STATUS(0, OK), .extra = F(WRITE_ZEROES),
	       .words = { T(WRITE_ZEROES), 0, 0, 0, 2, 0, 1, 0 }),
	  { start, write_sector_2, complete_row, is_zeroed } },
	BLK_ROW("zeroes-beyond", "WRITE_ZEROES beyond the end is an I/O error", 32, 0, IOERR,
		.extra = F(WRITE_ZEROES), .words = { T(WRITE_ZEROES), 0, 0, 0, 0, BEYOND, 1, 0 }),
	{ "blk.zeroes-across", "WRITE_ZEROES across the end is an I/O error", BLK,
	  PF(REPLY_ACK) | PF(CONFIG),
	  &(const struct data){ .len = 32, STATUS(0, IOERR), .extra = F(WRITE_ZEROES),
				.words = { T(WRITE_ZEROES), 0, 0, 0, LAST, 0, 2, 0 } },
	  { start, write_last, complete_row_at_end, last_is_written } },
	BLK_ROW("zeroes-flags", "WRITE_ZEROES with an unknown flag is unsupported", 32, 0, UNSUPP,
		.extra = F(WRITE_ZEROES), .words = { T(WRITE_ZEROES), 0, 0, 0, 2, 0, 1, 2 }),
	BLK_ROW("discard", "DISCARD is completed", 32, 0, OK, .extra = F(DISCARD),
		.words = { T(DISCARD), 0, 0, 0, 8, 0, 8, 0 }),
	BLK_ROW("discard-beyond", "DISCARD beyond the end is an I/O error", 32, 0, IOERR,
		.extra = F(DISCARD), .words = { T(DISCARD), 0, 0, 0, 0, BEYOND, 8, 0 }),
	BLK_ROW("discard-unmap", "DISCARD with the unmap flag is unsupported", 32, 0, UNSUPP,
		.extra = F(DISCARD), .words = { T(DISCARD), 0, 0, 0, 8, 0, 8, 1 }),
	BLK_ROW("discard-flags", "DISCARD with an unknown flag is unsupported", 32, 0, UNSUPP,
		.extra = F(DISCARD), .words = { T(DISCARD), 0, 0, 0, 8, 0, 8, 2 }),
	VALID("blk.queue", "the second queue reads", "Multiple queue support", .ring = 1,
	      .len = 16, STATUS(512, OK), .extra = F(MQ)),
	BLK_BAD("no-status", "a read without a status", .len = 16),
	BLK_BAD("no-header", "a status without a header", .reply = 1),
	BLK_BAD("short-header", "a header of 8 bytes", .len = 8, .reply = 513),
	BLK_BAD("unaligned", "a read of 100 bytes", .len = 16, .reply = 101),
	BLK_BAD("unaligned-write", "a write of 100 bytes", .len = 116, .reply = 1,
		.words = { T(OUT), 0, 1 }),
	BLK_BAD("short-id", "GET_ID of 5 bytes", .len = 16, .reply = 6, .words = { T(GET_ID) }),
	BLK_BAD("short-zeroes", "WRITE_ZEROES without a segment", .len = 16, .reply = 1,
		.extra = F(WRITE_ZEROES), .words = { T(WRITE_ZEROES) }),
	BLK_BAD("odd-discard", "DISCARD of a segment and a half", .len = 40, .reply = 1,
		.extra = F(DISCARD), .words = { T(DISCARD), 0, 0, 0, 8, 0, 8, 0 }),
	BLK_BAD("flush-data", "FLUSH with data", .len = 16 + SECTOR, .reply = 1, .extra = F(FLUSH),
		.words = { T(FLUSH) }),
	{ .name = NULL }
};

#define FS "VIRTIO: File System Device, Device Operation"
#define VALUE(offset, value) .at = offset, .width = 4, .expected = (uint32_t)(value)
#define ERROR(value) VALUE(4, -(value))
#define FUSE(length, opcode, node, ...) \
	.words = { length, opcode, 77, 0, node, 0, 0, 0, 0, 0, __VA_ARGS__ }
#define FS_ROW(name, rule, length, max, reads, ...) \
	{ "fs." name, rule, FS, DATA(.ring = 1, .len = length, .reply = max, reads, __VA_ARGS__), \
	  { start, fs_init, complete_row } }
#define FS_BAD(name, rule, length, max, ...) \
	MALFORMED("fs." name, rule, FS, .ring = 1, .len = length, .reply = max, __VA_ARGS__)
#define ATTRIBUTES FUSE(56, 3, 1, 0)
#define NAME_NONE 0x656e6f6e

const struct check_case check_fs[] = {
	VALID("fs.init", "INIT is completed", FS, .ring = 1, .len = 104, .reply = 80,
	      ERROR(0), FUSE_INIT),
	VALID("fs.version", "INIT has the major version 7", FS, .ring = 1, .len = 104,
	      .reply = 80, VALUE(16, 7), FUSE_INIT),
	FS_ROW("unique", "a reply has the number of its request", 56, 120, VALUE(8, 77), ATTRIBUTES),
	FS_ROW("attributes", "GETATTR of the root is completed", 56, 120, ERROR(0), ATTRIBUTES),
	FS_ROW("pieces", "GETATTR may be in buffers of 10 bytes", 56, 120, ERROR(0), ATTRIBUTES,
	       .cut = 10),
	FS_ROW("statfs", "STATFS is completed", 40, 96, ERROR(0), FUSE(40, 17, 1, 0)),
	FS_ROW("opendir", "OPENDIR is completed", 48, 32, ERROR(0), FUSE(48, 27, 1, 0)),
	FS_ROW("no-entry", "LOOKUP of a name that does not exist is ENOENT", 45, 144, ERROR(2),
	       FUSE(45, 1, 1, NAME_NONE, 0)),
	FS_ROW("unknown", "an unknown opcode is ENOSYS", 40, 16, ERROR(38), FUSE(40, 4095, 1, 0)),
	FS_ROW("no-handle", "READ of an unknown handle is EBADF", 80, 4112, ERROR(9),
	       FUSE(80, 15, 1, 99, 0, 0, 0, 4096)),
	FS_BAD("short-header", "a header of 20 bytes", 20, 16, ATTRIBUTES),
	FS_BAD("length", "a length beyond the buffers", 56, 120, FUSE(UINT32_MAX, 3, 1, 0)),
	FS_BAD("length-0", "a length of 0", 56, 120, FUSE(0, 3, 1, 0)),
	FS_BAD("short-reply", "GETATTR with a reply of 16 bytes", 56, 16, ATTRIBUTES),
	FS_BAD("no-reply", "GETATTR without a place for its reply", 56, 0, ATTRIBUTES),
	FS_BAD("name", "LOOKUP of a name without its end", 60, 144,
	       FUSE(60, 1, 1, NAME_NONE, NAME_NONE, NAME_NONE, NAME_NONE, NAME_NONE)),
	FS_BAD("write", "WRITE of 4 GiB", 80, 24, FUSE(80, 16, 1, 0, 0, 0, 0, UINT32_MAX)),
	FS_BAD("read", "READ of 4 GiB", 80, 4112, FUSE(80, 15, 1, 0, 0, 0, 0, UINT32_MAX)),
	FS_BAD("forget", "BATCH_FORGET of 2^32 nodes", 48, 0, FUSE(48, 42, 0, UINT32_MAX, 0)),
	MALFORMED("fs.queue-0", "GETATTR in the queue for FORGET", FS, .len = 56, .reply = 120,
		  ATTRIBUTES),
	{ .name = NULL }
};

#define NET "VIRTIO: Network Device, Packet Transmission"

const struct check_case check_net[] = {
	VALID("net.frame", "a frame of 1514 bytes is sent", NET, .ring = TX, .len = 12 + 1514),
	VALID("net.pieces", "a frame in buffers of 40 bytes is sent", NET, .ring = TX,
	      .len = 12 + 300, .cut = 40),
	MALFORMED("net.short-header", "a header of 5 bytes", NET, .ring = TX, .len = 5),
	MALFORMED("net.no-frame", "a header without a frame", NET, .ring = TX, .len = 12),
	MALFORMED("net.short-frame", "a frame of 3 bytes", NET, .ring = TX, .len = 15),
	MALFORMED("net.segments", "an unknown segmentation", NET, .ring = TX, .len = 12 + 60,
		  .words = { 0x0000ff00, 0xffffffff }),
	MALFORMED("net.checksum", "a checksum beyond the frame", NET, .ring = TX, .len = 12 + 60,
		  .words = { 1, 0xffff0000, 0xffff }),
	MALFORMED("net.writable", "a writable buffer in the transmit queue", NET, .ring = TX,
		  .len = 12 + 60, .reply = 64),
	MALFORMED("net.readable", "a readable buffer in the receive queue", NET, .len = 12 + 60),
	{ .name = NULL }
};

#define CONSOLE "VIRTIO: Console Device, Device Operation"
#define RNG "VIRTIO: Entropy Device, Device Operation"

const struct check_case check_console[] = {
	VALID("console.bytes", "4096 bytes are sent", CONSOLE, .ring = TX, .len = 4096),
	VALID("console.pieces", "bytes in buffers of 2 bytes are sent", CONSOLE, .ring = TX,
	      .len = 32, .cut = 2),
	MALFORMED("console.writable", "a writable buffer in the transmit queue", CONSOLE, .ring = TX,
		  .len = 4, .reply = 64),
	MALFORMED("console.readable", "a readable buffer in the receive queue", CONSOLE, .len = 4),
	{ .name = NULL }
};

const struct check_case check_rng[] = {
	VALID("rng.byte", "a buffer of 1 byte is filled", RNG, .reply = 1, .min = 1),
	VALID("rng.page", "a buffer of 4096 bytes has at least one byte", RNG, .reply = 4096,
	      .min = 1),
	VALID("rng.pieces", "buffers of 3 bytes have at least one byte", RNG, .reply = 90,
	      .cut = 3, .min = 1),
	MALFORMED("rng.readable", "a readable buffer", RNG, .len = 64),
	MALFORMED("rng.both", "a readable and a writable buffer", RNG, .len = 64, .reply = 64),
	{ .name = NULL }
};

#define VSOCK "VIRTIO: Socket Device, Device Operation"
#define PACKET(len, type, op) .words = { 3, 0, 2, 0, 4000, 9999, len, OP(type, op), 0, 65536, 0 }
#define RESET(name, rule, ...) \
	{ name, rule, VSOCK, PF(REPLY_ACK) | PF(CONFIG), \
	  &(const struct data){ .ring = TX, .len = 44, __VA_ARGS__ }, { vsock_reset } }
#define ODD(name, rule, ...) MALFORMED(name, rule, VSOCK, .ring = TX, __VA_ARGS__)

const struct check_case check_vsock[] = {
	RESET("vsock.refused", "a connection that nobody accepts is reset", PACKET(0, 1u, 1u)),
	RESET("vsock.type", "an unknown type is reset", PACKET(0, 77u, 1u)),
	RESET("vsock.data", "data without a connection is reset", PACKET(0, 1u, 5u)),
	RESET("vsock.credit", "a credit update without a connection is reset", PACKET(0, 1u, 6u)),
	RESET("vsock.shutdown", "a shutdown without a connection is reset", PACKET(0, 1u, 4u)),
	RESET("vsock.response", "a response without a request is reset", PACKET(0, 1u, 2u)),
	ODD("vsock.short", "a header of 20 bytes", .len = 20, PACKET(0, 1u, 1u)),
	ODD("vsock.length", "a length beyond the buffers", .len = 44, PACKET(UINT32_MAX, 1u, 5u)),
	ODD("vsock.operation", "an unknown operation", .len = 44, PACKET(0, 1u, 99u)),
	ODD("vsock.source", "another guest's context id", .len = 44,
	    .words = { 99, 1, 2, 0, 4000, 9999, 0, OP(1u, 1u), 0, 65536, 0 }),
	ODD("vsock.destination", "another host's context id", .len = 44,
	    .words = { 3, 0, 7, 7, 4000, 9999, 0, OP(1u, 1u), 0, 65536, 0 }),
	ODD("vsock.writable", "a writable buffer in the transmit queue", .len = 44, .reply = 64,
	    PACKET(0, 1u, 1u)),
	{ .name = NULL }
};
