/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about hot-plugged memory: which pieces are mapped, and which blocks
 * have pages.
 */
#include <config.h>

#include <check.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/mem.h>
#include <virtio-devices/report.h>
#include <virtio-queue/turn.h>
#include <vmm-sys-util/endian.h>
#include <vmm-sys-util/event.h>

#include "../guest.h"
#include "../suite.h"

#define BLOCK VIRTDEV_MEM_BLOCK
#define PIECE VIRTDEV_MEM_PIECE
#define BASE (UINT64_C(1) << 34)
#define REQUEST GUEST_DATA
#define ANSWER (GUEST_DATA + 64)

enum { PLUG, UNPLUG, UNPLUG_ALL, STATE };
enum { ACK, NACK, BUSY, ERROR };

struct rig {
	struct guest g;
	struct virtdev *dev;
	unsigned int changed;
	bool mapped[4];		/* by piece */
	int fd;			/* of the device's memory */
	int refuse;		/* result of the next mapping */
	bool slow;		/* each change takes a whole turn */
	unsigned int changes;	/* number of mapping changes */
	uint16_t state;
	unsigned int reports;	/* number of reports to the owner */
	struct vsu_error report; /* the last one */
};

static struct rig rig;

/* Number of the fallocate() call that fails, counted down; 0: none. */
static unsigned int refused_punch;

/* The symbol that the library calls; the linker redirects it to the wrapper. */
#ifdef __LP64__
#define REAL_FALLOCATE __real_fallocate
#define WRAP_FALLOCATE __wrap_fallocate
#else
#define REAL_FALLOCATE __real_fallocate64
#define WRAP_FALLOCATE __wrap_fallocate64
#endif

int REAL_FALLOCATE(int fd, int mode, off_t at, off_t len);
int __attribute__((used)) WRAP_FALLOCATE(int fd, int mode, off_t at, off_t len);

int WRAP_FALLOCATE(int fd, int mode, off_t at, off_t len)
{
	if (!refused_punch || --refused_punch)
		return REAL_FALLOCATE(fd, mode, at, len);
	errno = EIO;
	return -1;
}

static void spend(uint64_t ns)
{
	const uint64_t until = vsu_now_ns() + ns;

	while (vsu_now_ns() < until)
		;
}

static int on_change(void *opaque, bool map, const struct virtdev_mapping *m,
		     uint64_t cookie)
{
	const uint64_t piece = m->offset / PIECE;

	(void)opaque;
	(void)cookie;
	ck_assert_uint_eq(m->len, PIECE);
	ck_assert_uint_lt(piece, 4);
	if (map && rig.mapped[piece])
		return -EEXIST;
	if (map && rig.refuse)
		return rig.refuse;
	ck_assert(map != rig.mapped[piece]);
	rig.mapped[piece] = map;
	rig.fd = m->fd;
	rig.changes++;
	if (rig.slow)
		spend(VQ_TURN_NS);
	return 0;
}

static int on_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	(void)opaque;
	(void)region;
	*gpa = BASE;
	return 0;
}

static void on_changed(void *opaque)
{
	(void)opaque;
	rig.changed++;
}

static void make_mem(void)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .region_change = on_change,
		.region_address = on_address, .config_changed = on_changed,
	};
	const struct virtdev_mem_config config = {
		.size = sizeof(config), .len = 4 * PIECE,
		.requested = 3 * PIECE,
	};

	ck_assert_int_eq(virtdev_mem_new(&config, &rig.dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_server(rig.dev, &server, NULL), 0);
}

static void start(void)
{
	ck_assert_int_eq(virtdev_queue_start(rig.dev, 0, rig.g.q, NULL), 0);
}

static void setup(void)
{
	memset(&rig, 0, sizeof(rig));
	guest_init(&rig.g, 0, 16, 0, 16);
	make_mem();
	start();
}

static void teardown(void)
{
	virtdev_queue_stop(rig.dev, 0);
	virtdev_free(rig.dev);
	guest_fini(&rig.g);
}

static void offer(uint16_t type, uint64_t addr, uint16_t n, uint32_t len,
		  uint32_t room)
{
	const struct vsu_le16 le_type = vsu_le16_make(type);
	const struct vsu_le16 le_n = vsu_le16_make(n);
	const struct vsu_le64 le_addr = vsu_le64_make(addr);
	const struct vq_buffer buffers[] = { { REQUEST, len, false },
					     { ANSWER, room, true } };
	unsigned char *at = guest_at(&rig.g, REQUEST);

	memcpy(at, &le_type, 2);
	memcpy(at + 8, &le_addr, 8);
	memcpy(at + 16, &le_n, 2);
	ck_assert_int_eq(vq_driver_add(rig.g.driver, buffers, 2, 0), 0);
	vq_driver_publish(rig.g.driver);
}

/* The type of the response, or -1 if the response is empty. */
static int answer_type(void)
{
	struct vsu_le16 answer[5];
	uint64_t cookie;
	uint32_t written;

	ck_assert_int_eq(vq_driver_collect(rig.g.driver, &cookie, &written), 1);
	if (!written)
		return -1;
	ck_assert_uint_eq(written, sizeof(answer));
	memcpy(answer, guest_at(&rig.g, ANSWER), sizeof(answer));
	rig.state = vsu_le16_load(answer[4]);
	return vsu_le16_load(answer[0]);
}

static int obey(uint16_t type, uint64_t addr, uint16_t n, uint32_t len,
		uint32_t room)
{
	offer(type, addr, n, len, room);
	while (virtdev_queue_serve(rig.dev, 0))
		;
	return answer_type();
}

static int ask(uint16_t type, uint64_t block, uint16_t n)
{
	return obey(type, BASE + block * BLOCK, n, 24, 10);
}

static uint64_t config_at(uint32_t off)
{
	struct vsu_le64 value;

	virtdev_config_read(rig.dev, off, &value, 8);
	return vsu_le64_load(value);
}

static uint64_t resident(void)
{
	struct stat st;

	ck_assert_int_eq(fstat(rig.fd, &st), 0);
	return (uint64_t)st.st_blocks * 512;
}

static void touch(uint64_t block)
{
	unsigned char *p = mmap(NULL, BLOCK, PROT_READ | PROT_WRITE, MAP_SHARED,
				rig.fd, (off_t)(block * BLOCK));

	ck_assert_ptr_ne(p, MAP_FAILED);
	memset(p, 1, BLOCK);
	munmap(p, BLOCK);
}

START_TEST(plugged_blocks_are_usable_and_unplugged_ones_freed)
{
	ck_assert_int_eq(ask(PLUG, 63, 2), ACK);	/* crosses a piece boundary */
	ck_assert(rig.mapped[0] && rig.mapped[1] && !rig.mapped[2]);
	ck_assert_uint_eq(config_at(40), 2 * BLOCK);
	touch(63);
	touch(64);
	ck_assert_uint_eq(resident(), 2 * BLOCK);
	ck_assert_int_eq(ask(UNPLUG, 64, 1), ACK);
	ck_assert_uint_eq(resident(), BLOCK);
	ck_assert(rig.mapped[0] && !rig.mapped[1]);
	ck_assert_int_eq(ask(UNPLUG, 63, 1), ACK);
	ck_assert_uint_eq(resident(), 0);
	ck_assert(!rig.mapped[0]);
	ck_assert_uint_eq(config_at(40), 0);
}
END_TEST

START_TEST(state_of_blocks_is_returned)
{
	ck_assert_int_eq(ask(PLUG, 5, 3), ACK);
	ck_assert_int_eq(ask(STATE, 5, 3), ACK);
	ck_assert_uint_eq(rig.state, 0);
	ck_assert_int_eq(ask(STATE, 0, 5), ACK);
	ck_assert_uint_eq(rig.state, 1);
	ck_assert_int_eq(ask(STATE, 0, 256), ACK);
	ck_assert_uint_eq(rig.state, 2);
}
END_TEST

START_TEST(plug_above_the_requested_size_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(ask(PLUG, 0, 193), NACK);
	ck_assert_int_eq(ask(PLUG, 0, 192), ACK);
	ck_assert_int_eq(ask(PLUG, 200, 1), NACK);
	ck_assert_int_eq(virtdev_mem_set_requested(rig.dev, 4 * PIECE, &err), 0);
	ck_assert_uint_eq(rig.changed, 1);
	ck_assert_uint_eq(config_at(48), 4 * PIECE);
	ck_assert_int_eq(ask(PLUG, 200, 1), ACK);
	ck_assert_int_eq(virtdev_mem_set_requested(rig.dev, BLOCK, NULL), 0);
	ck_assert_int_eq(ask(PLUG, 201, 1), NACK);
	ck_assert_int_eq(ask(UNPLUG, 0, 192), ACK);
	ck_assert_int_eq(virtdev_mem_set_requested(rig.dev, BLOCK + 1, &err),
			 -EINVAL);
	ck_assert_int_eq(virtdev_mem_set_requested(rig.dev, 5 * PIECE, &err),
			 -EINVAL);
	ck_assert_str_eq(err.msg, "mem: 671088640 bytes requested; multiples of 2 MiB up to 536870912 are possible");
}
END_TEST

START_TEST(unplug_all_frees_every_block)
{
	ck_assert_int_eq(ask(PLUG, 0, 1), ACK);
	ck_assert_int_eq(ask(PLUG, 130, 7), ACK);
	touch(131);
	ck_assert_int_eq(ask(UNPLUG_ALL, 0, 0), ACK);
	ck_assert_uint_eq(resident(), 0);
	ck_assert_uint_eq(config_at(40), 0);
	ck_assert(!rig.mapped[0] && !rig.mapped[2]);
	ck_assert_int_eq(ask(UNPLUG_ALL, 0, 0), ACK);
}
END_TEST

static const struct {
	uint64_t addr;
	uint16_t n;
} nowhere[] = {
	{ BASE - BLOCK, 1 }, { BASE + 4096, 1 }, { BASE, 0 }, { 0, 1 },
	{ BASE, 257 }, { BASE + 255 * BLOCK, 2 }, { BASE + 4 * PIECE, 1 },
	{ UINT64_MAX, 1 }, { UINT64_MAX - BLOCK + 1, 65535 }, { BASE, 65535 },
};

START_TEST(a8_18_blocks_outside_the_device_are_refused)
{
	uint16_t type;

	ck_assert_int_eq(ask(PLUG, 7, 1), ACK);
	for (type = PLUG; type <= STATE; type++)
		if (type != UNPLUG_ALL)
			ck_assert_int_eq(obey(type, nowhere[_i].addr,
					      nowhere[_i].n, 24, 10), ERROR);
	ck_assert_uint_eq(config_at(40), BLOCK);
}
END_TEST

START_TEST(a8_18_truncated_or_unknown_requests_change_nothing)
{
	ck_assert_int_eq(obey(PLUG, BASE, 1, 23, 10), ERROR);
	ck_assert_int_eq(obey(PLUG, BASE, 1, 24, 9), -1);
	ck_assert_int_eq(obey(4, BASE, 1, 24, 10), ERROR);
	ck_assert_int_eq(obey(UINT16_MAX, BASE, 1, 24, 10), ERROR);
	ck_assert_uint_eq(config_at(40), 0);
}
END_TEST

START_TEST(a8_19_blocks_in_the_wrong_state_are_refused)
{
	ck_assert_int_eq(ask(PLUG, 10, 10), ACK);
	ck_assert_int_eq(ask(PLUG, 19, 2), ERROR);
	ck_assert_int_eq(ask(UNPLUG, 19, 2), ERROR);
	ck_assert_int_eq(ask(UNPLUG, 30, 1), ERROR);
	ck_assert_uint_eq(config_at(40), 10 * BLOCK);
}
END_TEST

/* A map with the first piece of the device's memory, as a server exposes it. */
static struct vmem_map *map_with_piece(void)
{
	struct vmem_fd_desc file = { rig.fd, VMEM_BLOCK_WRITE | VMEM_BLOCK_SHARED,
				     0, PIECE, NULL, NULL };
	struct vmem_region_desc desc = { .gpa = BASE, .len = PIECE };
	struct vmem_region *region;
	struct vmem_map *map;

	ck_assert_int_eq(vmem_block_new_fd(&file, &desc.block, NULL), 0);
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	vmem_block_unref(desc.block);
	ck_assert_int_eq(vmem_map_add(rig.g.map, region, &map, NULL), 0);
	vmem_region_unref(region);
	return map;
}

static unsigned char *block_at(const struct vmem_map *map, uint64_t block)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(map), &hint,
				   BASE + block * BLOCK, BLOCK,
				   VMEM_READ | VMEM_WRITE);
}

/* A request in flight uses the map from when it began. */
START_TEST(a8_20_memory_unplugged_during_a_request_stays_mapped_until_its_end)
{
	struct vmem_map *during;
	unsigned char *p;

	ck_assert_int_eq(ask(PLUG, 0, 2), ACK);
	during = map_with_piece();
	p = block_at(during, 1);
	memset(p, 1, BLOCK);
	ck_assert_int_eq(ask(UNPLUG, 1, 1), ACK);
	ck_assert_uint_eq(resident(), 0);
	ck_assert_uint_eq(p[0] | p[BLOCK - 1], 0);
	ck_assert_int_eq(ask(UNPLUG, 0, 1), ACK);
	ck_assert(!rig.mapped[0]);
	memset(p, 2, BLOCK);
	ck_assert_uint_eq(p[BLOCK - 1], 2);
	vmem_map_unref(during);
}
END_TEST

/* Otherwise a late write would be visible to the next user of the block. */
START_TEST(a8_20_late_writes_are_freed_by_the_next_unplug)
{
	struct vmem_map *during;

	ck_assert_int_eq(ask(PLUG, 0, 1), ACK);
	during = map_with_piece();
	ck_assert_int_eq(ask(UNPLUG, 0, 1), ACK);
	memset(block_at(during, 0), 2, BLOCK);
	vmem_map_unref(during);
	ck_assert_int_eq(ask(UNPLUG_ALL, 0, 0), ACK);
	ck_assert_uint_eq(resident(), 0);
}
END_TEST

static void on_report(void *opaque, struct virtdev *dev,
		      const struct vsu_error *what)
{
	(void)opaque;
	(void)dev;
	rig.reports++;
	rig.report = *what;
}

START_TEST(blocks_whose_memory_cannot_be_freed_stay_plugged)
{
	virtdev_set_report(rig.dev, on_report, NULL);
	ck_assert_int_eq(ask(PLUG, 0, 100), ACK);
	refused_punch = 2;	/* the first step succeeds */
	ck_assert_int_eq(ask(UNPLUG, 0, 100), BUSY);
	ck_assert_uint_eq(config_at(40), 100 * BLOCK);
	ck_assert(rig.mapped[0]);
	ck_assert_int_eq(ask(STATE, 0, 100), ACK);
	ck_assert_uint_eq(rig.state, 0);
	refused_punch = 2;
	ck_assert_int_eq(ask(UNPLUG_ALL, 0, 0), BUSY);
	ck_assert_uint_eq(rig.reports, 1);
	ck_assert_int_eq(rig.report.code, -EIO);
	ck_assert_int_eq(ask(UNPLUG, 0, 100), ACK);
	ck_assert_uint_eq(config_at(40), 0);
	ck_assert_uint_eq(rig.reports, 2);
	ck_assert_int_eq(rig.report.code, 0);
}
END_TEST

START_TEST(failed_mapping_leaves_nothing_plugged)
{
	ck_assert_int_eq(ask(PLUG, 64, 1), ACK);
	rig.refuse = -ENOSPC;
	ck_assert_int_eq(ask(PLUG, 100, 60), NACK);
	ck_assert_int_eq(ask(PLUG, 0, 1), NACK);
	ck_assert(!rig.mapped[0] && rig.mapped[1] && !rig.mapped[2]);
	ck_assert_uint_eq(config_at(40), BLOCK);
	rig.refuse = 0;
	ck_assert_int_eq(ask(PLUG, 100, 60), ACK);
}
END_TEST

/*
 * Serves until the request completes; each turn changes at most one mapping.
 * Returns the number of turns.
 */
static unsigned int turns_of(uint16_t type, uint64_t block, uint16_t n)
{
	unsigned int turns = 1, before = rig.changes;

	offer(type, BASE + block * BLOCK, n, 24, 10);
	for (; virtdev_queue_serve(rig.dev, 0); turns++) {
		ck_assert_uint_le(rig.changes - before, 1);
		before = rig.changes;
	}
	return turns;
}

START_TEST(request_for_many_pieces_takes_many_turns)
{
	rig.slow = true;
	ck_assert_uint_ge(turns_of(PLUG, 1, 191), 3);
	ck_assert_int_eq(answer_type(), ACK);
	ck_assert_uint_eq(rig.changes, 3);
	ck_assert_uint_eq(config_at(40), 191 * BLOCK);
	ck_assert_uint_ge(turns_of(UNPLUG_ALL, 0, 0), 3);
	ck_assert_int_eq(answer_type(), ACK);
	ck_assert_uint_eq(rig.changes, 6);
	ck_assert_uint_eq(config_at(40), 0);
}
END_TEST

START_TEST(stop_completes_the_request_in_steps)
{
	unsigned int steps = 0;

	rig.slow = true;
	offer(PLUG, BASE, 192, 24, 10);
	ck_assert_int_eq(virtdev_queue_serve(rig.dev, 0), 1);
	/* 0 if fetching the request took a turn */
	ck_assert_uint_le(rig.changes, 1);
	for (; virtdev_queue_drain(rig.dev, 0); steps++)
		ck_assert_uint_le(rig.changes, steps + 2);
	ck_assert_int_eq(answer_type(), ACK);
	ck_assert_uint_eq(config_at(40), 192 * BLOCK);
}
END_TEST

START_TEST(reset_maps_nothing_again)
{
	ck_assert_int_eq(ask(PLUG, 0, 192), ACK);
	virtdev_queue_stop(rig.dev, 0);
	virtdev_reset(rig.dev);
	rig.refuse = -EIO;	/* the device does not call the server */
	memset(rig.mapped, 0, sizeof(rig.mapped));
	start();
}
END_TEST

START_TEST(blocks_stay_plugged_over_a_reset)
{
	ck_assert_int_eq(ask(PLUG, 0, 3), ACK);
	virtdev_queue_stop(rig.dev, 0);
	virtdev_reset(rig.dev);
	ck_assert_uint_eq(config_at(40), 3 * BLOCK);
	start();
	ck_assert_int_eq(ask(STATE, 0, 3), ACK);
	ck_assert_uint_eq(rig.state, 0);
}
END_TEST

/* The state of the device, which ends. */
static void *save(size_t *len)
{
	void *bytes;

	virtdev_queue_stop(rig.dev, 0);
	virtdev_pause(rig.dev);
	ck_assert_int_eq(virtdev_state_take(rig.dev, &bytes, len, NULL), 0);
	virtdev_free(rig.dev);
	memset(rig.mapped, 0, sizeof(rig.mapped));
	return bytes;
}

START_TEST(plugged_blocks_are_part_of_the_state)
{
	struct vsu_error err = VSU_ERROR_INIT;
	void *bytes;
	size_t len;

	ck_assert_int_eq(ask(PLUG, 62, 3), ACK);
	bytes = save(&len);
	make_mem();
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len - 1, &err),
			 -EBADMSG);
	ck_assert_uint_eq(config_at(40), 0);
	ck_assert_int_eq(virtdev_mem_set_requested(rig.dev, 2 * BLOCK, NULL), 0);
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len, &err), 0);
	free(bytes);
	ck_assert(rig.mapped[0] && rig.mapped[1] && !rig.mapped[2]);
	ck_assert_uint_eq(config_at(48), 3 * PIECE);	/* as requested before */
	start();
	ck_assert_uint_eq(rig.changes, 4);	/* two of them before the save */
	ck_assert_int_eq(ask(STATE, 62, 3), ACK);
	ck_assert_uint_eq(rig.state, 0);
}
END_TEST

START_TEST(held_memory_keeps_its_blocks)
{
	ck_assert_int_eq(ask(PLUG, 0, 2), ACK);
	ck_assert_int_eq(virtdev_mem_hold(rig.dev, true), 0);
	ck_assert_int_eq(ask(PLUG, 2, 1), BUSY);
	ck_assert_int_eq(ask(UNPLUG, 0, 1), BUSY);
	ck_assert_int_eq(ask(UNPLUG_ALL, 0, 0), BUSY);
	ck_assert_int_eq(ask(PLUG, 4096, 1), ERROR);
	ck_assert_int_eq(ask(STATE, 0, 2), ACK);
	ck_assert_uint_eq(config_at(40), 2 * BLOCK);
	ck_assert_int_eq(virtdev_mem_hold(rig.dev, false), 0);
	ck_assert_int_eq(ask(UNPLUG, 0, 2), ACK);
}
END_TEST

/* The content is stored before the state is loaded, which unmaps what is not plugged. */
START_TEST(plugged_blocks_have_content_before_their_state)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const uint64_t mark = 42;
	uint64_t found = 0;
	void *bytes;
	size_t len;

	ck_assert_int_eq(ask(PLUG, 62, 3), ACK);
	bytes = save(&len);
	make_mem();
	ck_assert_int_eq(virtdev_mem_plug(rig.dev, 0, 3 * PIECE, &err), 0);
	ck_assert(rig.mapped[0] && rig.mapped[2] && !rig.mapped[3]);
	ck_assert_int_eq(pwrite(rig.fd, &mark, 8, 63 * BLOCK), 8);
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len, &err), 0);
	free(bytes);
	ck_assert(rig.mapped[0] && rig.mapped[1] && !rig.mapped[2]);
	ck_assert_uint_eq(config_at(40), 3 * BLOCK);
	ck_assert_int_eq(pread(rig.fd, &found, 8, 63 * BLOCK), 8);
	ck_assert_uint_eq(found, mark);
	start();
}
END_TEST

static const struct {
	uint64_t offset, len;
} not_blocks[] = {
	{ 0, 0 }, { 4096, BLOCK }, { 0, 4096 }, { 0, 4 * PIECE + BLOCK },
	{ 4 * PIECE, BLOCK }, { UINT64_MAX - BLOCK + 1, BLOCK }, { 0, UINT64_MAX - BLOCK + 1 },
};

START_TEST(a8_18_parts_of_blocks_are_not_plugged)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_eq(virtdev_mem_plug(rig.dev, not_blocks[_i].offset,
					  not_blocks[_i].len, &err), -EINVAL);
	ck_assert_uint_eq(config_at(40), 0);
}
END_TEST

/* Bytes of a state before the model's; its version and length in them. */
#define HEAD 20u
#define VERSION_AT 12u
#define LEN_AT 16u

START_TEST(state_of_another_size_is_refused_with_both_sizes)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const uint64_t n = _i ? 5 * PIECE / BLOCK : PIECE / BLOCK;
	const uint32_t own = htole32((uint32_t)(8 + n / 8 + 8));
	const uint64_t blocks = htole64(n);
	unsigned char state[HEAD + 8 + 5 * PIECE / BLOCK / 8 + 8] = { 0 };
	void *bytes;
	size_t len;

	virtdev_queue_stop(rig.dev, 0);
	virtdev_pause(rig.dev);
	ck_assert_int_eq(virtdev_state_take(rig.dev, &bytes, &len, NULL), 0);
	memcpy(state, bytes, HEAD);
	free(bytes);
	memcpy(state + LEN_AT, &own, 4);
	memcpy(state + HEAD, &blocks, 8);
	ck_assert_int_eq(virtdev_state_load(rig.dev, state, HEAD + 8 + n / 8 + 8, &err), -EBADMSG);
	ck_assert_str_eq(err.msg, _i ?
		"mem: the state is of a device of 320 blocks of 2 MiB, this one has 256" :
		"mem: the state is of a device of 64 blocks of 2 MiB, this one has 256");
	start();
}
END_TEST

START_TEST(requested_sizes_of_a_state_are_checked)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char *bytes;
	uint64_t size = htole64(5 * PIECE);
	uint32_t word = htole32(1);
	size_t len;

	virtdev_queue_stop(rig.dev, 0);
	virtdev_pause(rig.dev);
	ck_assert_int_eq(virtdev_state_take(rig.dev, (void **)&bytes, &len, NULL), 0);
	memcpy(bytes + len - 8, &size, 8);
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len, &err), -EINVAL);
	ck_assert_uint_eq(config_at(48), 3 * PIECE);
	memcpy(bytes + VERSION_AT, &word, 4);	/* a state without it */
	word = htole32((uint32_t)(len - HEAD - 8));
	memcpy(bytes + LEN_AT, &word, 4);
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len - 8, &err), 0);
	free(bytes);
	ck_assert_uint_eq(config_at(48), 3 * PIECE);
	start();
}
END_TEST

START_TEST(a_state_whose_memory_cannot_be_shown_is_refused)
{
	struct vsu_error err = VSU_ERROR_INIT;
	void *bytes;
	size_t len;

	ck_assert_int_eq(ask(PLUG, 0, 1), ACK);
	bytes = save(&len);
	make_mem();
	rig.refuse = -ENOSPC;
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len, &err), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(err.msg, "plugged memory"));
	free(bytes);
	rig.refuse = 0;
	start();
}
END_TEST

START_TEST(configuration_contains_address_and_size)
{
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->id, VIRTDEV_ID_MEMORY);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->config_size, 56);
	ck_assert_uint_eq(config_at(0), BLOCK);
	ck_assert_uint_eq(config_at(16), BASE);
	ck_assert_uint_eq(config_at(24), 4 * PIECE);
	ck_assert_uint_eq(config_at(32), 4 * PIECE);
	ck_assert_uint_eq(config_at(48), 3 * PIECE);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 48, "12345678", 8),
			 -EPERM);
}
END_TEST

START_TEST(a8_21_invalid_sizes_are_refused)
{
	struct virtdev_mem_config config = { .size = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_mem_new(&config, &dev, &err), -EINVAL);
	config.size = sizeof(config);
	ck_assert_int_eq(virtdev_mem_new(&config, &dev, &err), -EINVAL);
	config.len = BLOCK;
	ck_assert_int_eq(virtdev_mem_new(&config, &dev, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "mem: a size of 2097152 bytes; multiples of 128 MiB up to 8 TiB are possible");
	config.len = UINT64_MAX - PIECE + 1;
	ck_assert_int_eq(virtdev_mem_new(&config, &dev, &err), -EINVAL);
	config.len = PIECE;
	config.requested = 2 * PIECE;
	ck_assert_int_eq(virtdev_mem_new(&config, &dev, &err), -EINVAL);
	config.requested = 0;
	config.queue_size_max = 32769;
	ck_assert_int_eq(virtdev_mem_new(&config, &dev, &err), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("mem");
	TCase *tc = tcase_create("mem");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc,
		       plugged_blocks_are_usable_and_unplugged_ones_freed);
	tcase_add_test(tc, state_of_blocks_is_returned);
	tcase_add_test(tc, plug_above_the_requested_size_is_refused);
	tcase_add_test(tc, unplug_all_frees_every_block);
	tcase_add_loop_test(tc, a8_18_blocks_outside_the_device_are_refused, 0,
			    sizeof(nowhere) / sizeof(nowhere[0]));
	tcase_add_test(tc,
		       a8_18_truncated_or_unknown_requests_change_nothing);
	tcase_add_test(tc, a8_19_blocks_in_the_wrong_state_are_refused);
	tcase_add_test(tc,
		       a8_20_memory_unplugged_during_a_request_stays_mapped_until_its_end);
	tcase_add_test(tc,
		       a8_20_late_writes_are_freed_by_the_next_unplug);
	tcase_add_test(tc, blocks_whose_memory_cannot_be_freed_stay_plugged);
	tcase_add_test(tc, failed_mapping_leaves_nothing_plugged);
	tcase_add_test(tc, request_for_many_pieces_takes_many_turns);
	tcase_add_test(tc, stop_completes_the_request_in_steps);
	tcase_add_test(tc, reset_maps_nothing_again);
	tcase_add_test(tc, blocks_stay_plugged_over_a_reset);
	tcase_add_test(tc, held_memory_keeps_its_blocks);
	tcase_add_test(tc, plugged_blocks_have_content_before_their_state);
	tcase_add_loop_test(tc, a8_18_parts_of_blocks_are_not_plugged, 0,
			    sizeof(not_blocks) / sizeof(not_blocks[0]));
	tcase_add_test(tc, plugged_blocks_are_part_of_the_state);
	tcase_add_loop_test(tc, state_of_another_size_is_refused_with_both_sizes, 0, 2);
	tcase_add_test(tc, requested_sizes_of_a_state_are_checked);
	tcase_add_test(tc, a_state_whose_memory_cannot_be_shown_is_refused);
	tcase_add_test(tc, configuration_contains_address_and_size);
	tcase_add_test(tc, a8_21_invalid_sizes_are_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
