/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the balloon: which pages the host frees after each request. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <virtio-devices/balloon.h>
#include <virtio-devices/ids.h>
#include <vmm-sys-util/endian.h>

#include "../guest.h"
#include "../suite.h"
#include "balloon/priv.h"

#define PAGE 4096u
/* Tests write page numbers and statistics here. */
#define NUMBERS (GUEST_DATA)
/* Pages that tests inflate: filled with ones, across both regions. */
#define PAGES (GUEST_DATA + 0x40000u)

#define F_STATS UINT64_C(2)
#define F_OOM UINT64_C(4)
#define F_POISON UINT64_C(0x10)
#define F_REPORTS UINT64_C(0x20)

enum { INFLATE, DEFLATE, STATS, REPORTS };

struct rig {
	struct guest g;
	struct virtdev *dev;
	uint32_t queue;		/* the queue that runs */
	unsigned int notified, changed;
	const struct vmem_region *refused;
};

static struct rig rig;

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	ck_assert_uint_eq(queue, rig.queue);
	rig.notified++;
}

static void on_changed(void *opaque)
{
	(void)opaque;
	rig.changed++;
}

static bool may_discard(void *opaque, const struct vmem_region *region)
{
	ck_assert_ptr_eq(opaque, &rig);
	return region != rig.refused;
}

static void make_balloon(struct vmem_space *space)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .notify = on_notify,
		.config_changed = on_changed,
	};
	const struct virtdev_balloon_config config = {
		.size = sizeof(config), .space = space, .reporting = true,
		.deflate_on_oom = true, .may_discard = may_discard,
		.opaque = &rig, .target = 16 * PAGE,
	};

	ck_assert_int_eq(virtdev_balloon_new(&config, &rig.dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_server(rig.dev, &server, NULL), 0);
}

static void start(uint32_t queue, uint64_t features)
{
	ck_assert_int_eq(virtdev_set_features(rig.dev, features |
					      VQ_F_VERSION_1, NULL), 0);
	rig.queue = queue;
	ck_assert_int_eq(virtdev_queue_start(rig.dev, queue, rig.g.q, NULL), 0);
}

static void setup_with(uint32_t queue, uint64_t features, uint64_t ring)
{
	memset(&rig, 0, sizeof(rig));
	guest_init(&rig.g, ring, 16, 0, 16);
	make_balloon(rig.g.space);
	start(queue, features | ring);
}

static void setup_queue(uint32_t queue)
{
	setup_with(queue, F_STATS | F_REPORTS | F_POISON, 0);
}

static void teardown(void)
{
	ck_assert_int_eq(virtdev_queue_drain(rig.dev, rig.queue), 0);
	virtdev_queue_stop(rig.dev, rig.queue);
	virtdev_free(rig.dev);
	ck_assert_uint_eq(vq_inflight(rig.g.q), 0);
	guest_fini(&rig.g);
}

static struct virtdev_balloon_size size_now(void)
{
	struct virtdev_balloon_size size;

	ck_assert_int_eq(virtdev_priv_balloon_size(rig.dev, &size), 0);
	return size;
}

/* Resident bytes of one region's file or memory. */
static uint64_t resident(unsigned int half)
{
	const struct vmem_region *region =
		vmem_map_region(rig.g.map, half);
	struct stat st;

	ck_assert_int_eq(fstat(vmem_block_fd(vmem_region_block(region)), &st),
			 0);
	return (uint64_t)st.st_blocks * 512;
}

static void fill(uint64_t gpa, uint32_t len)
{
	for (; len; len -= PAGE, gpa += PAGE)
		memset(guest_at(&rig.g, gpa), 1, PAGE);
}

static bool is_zero(uint64_t gpa, uint32_t len)
{
	const unsigned char *at = guest_at(&rig.g, gpa);

	return !at[0] && !memcmp(at, at + 1, len - 1);
}

/* Writes n page numbers from index i on, all the same. */
static void put_numbers(unsigned int i, uint32_t page, unsigned int n)
{
	const struct vsu_le32 le = vsu_le32_make(page);
	unsigned char *at = guest_at(&rig.g, NUMBERS + i * 4);

	for (; n; n--, at += 4)
		memcpy(at, &le, 4);
}

static void put_number(unsigned int i, uint32_t page)
{
	put_numbers(i, page, 1);
}

static void offer(const struct vq_buffer *buffers, unsigned int n)
{
	ck_assert_int_eq(vq_driver_add(rig.g.driver, buffers, n, 7), 0);
	vq_driver_publish(rig.g.driver);
	while (virtdev_queue_serve(rig.dev, rig.queue))
		;
}

static bool answered(void)
{
	uint64_t cookie;
	uint32_t len;

	if (vq_driver_collect(rig.g.driver, &cookie, &len) != 1)
		return false;
	ck_assert_uint_eq(len, 0);
	return true;
}

static void request(uint64_t gpa, uint32_t len, bool writable)
{
	const struct vq_buffer buffer = { gpa, len, writable };

	offer(&buffer, 1);
	ck_assert(answered());
}

static void inflate(unsigned int n)
{
	request(NUMBERS, n * 4, false);
}

static const uint64_t formats[] = { 0, VQ_F_RING_PACKED };

START_TEST(a8_04_inflated_pages_of_shared_memory_are_freed_in_the_file)
{
	unsigned int i;
	uint64_t before;

	setup_with(INFLATE, 0, formats[_i]);
	fill(PAGES, 8 * PAGE);
	for (i = 0; i < 6; i++)	/* ascending, then descending from above */
		put_number(i, PAGES / PAGE + (i < 3 ? i : 8 - i));
	before = resident(0);
	inflate(6);
	ck_assert_uint_eq(resident(0), before - 6 * PAGE);
	ck_assert(is_zero(PAGES, 3 * PAGE));
	ck_assert(!is_zero(PAGES + 6 * PAGE, PAGE));
	ck_assert_uint_eq(size_now().inflated, 6 * PAGE);
	ck_assert_uint_eq(size_now().kept, 0);
	ck_assert_uint_eq(rig.notified, 1);
	teardown();
}
END_TEST

START_TEST(inflated_pages_of_anonymous_memory_are_freed_and_reusable)
{
	struct vmem_map *map;
	struct vmem_space *space;
	unsigned char *hva, here[4];
	unsigned int i;

	setup_queue(INFLATE);
	ck_assert_int_eq(vmem_map_from_properties("size=16k", PAGES, NULL,
						  &map, NULL), 0);
	ck_assert_int_eq(vmem_space_new(&space), 0);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	teardown();
	guest_init(&rig.g, 0, 16, 0, 16);
	make_balloon(space);
	start(INFLATE, 0);
	hva = vmem_region_hva(vmem_map_region(map, 0));
	memset(hva, 1, 4 * PAGE);
	for (i = 0; i < 2; i++)
		put_number(i, PAGES / PAGE + i + 1);
	inflate(2);
	ck_assert_int_eq(mincore(hva, 4 * PAGE, here), 0);
	ck_assert((here[0] & 1) && !(here[1] & 1) && !(here[2] & 1) &&
		  (here[3] & 1));
	hva[PAGE] = 2;
	ck_assert_int_eq(mincore(hva, 4 * PAGE, here), 0);
	ck_assert(here[1] & 1);
	teardown();
	vmem_map_unref(map);
	vmem_space_free(space);
}
END_TEST

START_TEST(a8_01_pages_outside_ram_are_skipped_and_counted)
{
	setup_queue(INFLATE);
	fill(PAGES, PAGE);
	put_number(0, GUEST_HOLE / PAGE);
	put_number(1, GUEST_ROM / PAGE);
	put_number(2, UINT32_MAX);
	put_number(3, PAGES / PAGE);
	put_number(4, UINT32_MAX - 1);
	inflate(5);
	ck_assert(is_zero(PAGES, PAGE));
	ck_assert_uint_eq(size_now().inflated, PAGE);
	ck_assert_uint_eq(size_now().kept, 4 * PAGE);
	teardown();
}
END_TEST

/* A window or file-backed memory that the owner declares as not being RAM. */
START_TEST(a8_01_pages_refused_by_the_owner_are_skipped_and_counted)
{
	setup_queue(INFLATE);
	rig.refused = vmem_map_region(rig.g.map, 1);
	fill(GUEST_HALF - PAGE, 2 * PAGE);
	put_number(0, GUEST_HALF / PAGE - 1);
	put_number(1, GUEST_HALF / PAGE);
	inflate(2);
	ck_assert(is_zero(GUEST_HALF - PAGE, PAGE));
	ck_assert(!is_zero(GUEST_HALF, PAGE));
	ck_assert_uint_eq(size_now().inflated, PAGE);
	ck_assert_uint_eq(size_now().kept, PAGE);
	teardown();
}
END_TEST

START_TEST(a8_02_partial_page_number_is_ignored)
{
	setup_queue(INFLATE);
	fill(PAGES, 2 * PAGE);
	put_number(0, PAGES / PAGE);
	put_number(1, PAGES / PAGE + 1);
	request(NUMBERS, 7, false);
	ck_assert_uint_eq(size_now().inflated, PAGE);
	ck_assert(!is_zero(PAGES + PAGE, PAGE));
	request(NUMBERS, 3, false);
	request(NUMBERS, 4, true);
	request(GUEST_HOLE, 4, false);
	ck_assert_uint_eq(size_now().inflated, PAGE);
	teardown();
}
END_TEST

START_TEST(a8_02_only_the_beginning_of_a_long_buffer_is_read)
{
	setup_queue(INFLATE);
	put_numbers(0, GUEST_HOLE / PAGE, 0x10000);
	fill(PAGES + 0x40000, PAGE);
	put_number(VIRTDEV_BALLOON_NUMBERS, PAGES / PAGE + 0x40);
	inflate(0x10000);
	ck_assert_uint_eq(size_now().kept,
			  (uint64_t)VIRTDEV_BALLOON_NUMBERS * PAGE);
	ck_assert_uint_eq(size_now().inflated, 0);
	teardown();
}
END_TEST

START_TEST(a8_02_page_listed_twice_is_freed_once)
{
	uint64_t before;

	setup_queue(INFLATE);
	fill(PAGES, PAGE);
	put_number(0, PAGES / PAGE);
	put_number(1, PAGES / PAGE);
	before = resident(0);
	inflate(2);
	ck_assert_uint_eq(resident(0), before - PAGE);
	ck_assert(is_zero(PAGES, PAGE));
	teardown();
}
END_TEST

/* A region that does not begin at a page boundary of the host. */
START_TEST(a8_03_only_complete_host_pages_are_freed)
{
	struct vmem_region_desc desc = { .gpa = PAGES, .offset = PAGE / 2,
					 .len = 4 * PAGE };
	struct vmem_region *region;
	struct vmem_space *space;
	struct vmem_map *map;

	memset(&rig, 0, sizeof(rig));
	guest_init(&rig.g, 0, 16, 0, 16);
	desc.block = vmem_region_block(vmem_map_region(rig.g.map, 1));
	ck_assert_int_eq(vmem_region_new(&desc, &region, NULL), 0);
	ck_assert_int_eq(vmem_map_from_regions(&region, 1, &map, NULL), 0);
	ck_assert_int_eq(vmem_space_new(&space), 0);
	ck_assert_int_eq(vmem_space_publish(space, map), 0);
	make_balloon(space);
	start(INFLATE, 0);
	put_number(0, PAGES / PAGE);
	inflate(1);
	ck_assert_uint_eq(size_now().kept, PAGE);
	put_number(1, PAGES / PAGE + 1);
	inflate(2);
	ck_assert_uint_eq(size_now().inflated, PAGE);
	ck_assert_uint_eq(size_now().kept, 2 * PAGE);
	teardown();
	vmem_region_unref(region);
	vmem_map_unref(map);
	vmem_space_free(space);
}
END_TEST

/* Guest and device read zeros there; neither the queue nor the device fails. */
START_TEST(a8_07_inflating_the_ring_harms_only_the_guest)
{
	setup_queue(INFLATE);
	put_number(0, GUEST_RING / PAGE);
	offer(&(struct vq_buffer){ NUMBERS, 4, false }, 1);
	ck_assert_uint_eq(size_now().inflated, PAGE);
	while (virtdev_queue_serve(rig.dev, INFLATE))
		;
	teardown();
}
END_TEST

START_TEST(deflate_is_accepted_without_action)
{
	setup_queue(DEFLATE);
	put_number(0, GUEST_HOLE / PAGE);
	inflate(1);
	ck_assert_uint_eq(size_now().kept, 0);
	teardown();
}
END_TEST

/* ------------------------------------------------------------- statistics */

static uint32_t put_statistic(uint32_t off, uint16_t tag, uint64_t value)
{
	const struct vsu_le16 t = vsu_le16_make(tag);
	const struct vsu_le64 v = vsu_le64_make(value);

	memcpy(guest_at(&rig.g, NUMBERS + off), &t, 2);
	memcpy(guest_at(&rig.g, NUMBERS + off + 2), &v, 8);
	return off + 10;
}

static struct virtdev_balloon_stats stats_now(void)
{
	struct virtdev_balloon_stats stats;

	ck_assert_int_eq(virtdev_priv_balloon_last(rig.dev, &stats), 0);
	return stats;
}

START_TEST(statistics_are_sent_on_request)
{
	uint32_t len;

	setup_with(STATS, F_STATS | F_REPORTS, formats[_i]);
	ck_assert_int_eq(virtdev_balloon_ask_stats(rig.dev), -EAGAIN);
	len = put_statistic(0, VIRTDEV_BALLOON_FREE, 1 << 20);
	len = put_statistic(len, VIRTDEV_BALLOON_TOTAL, UINT64_C(1) << 40);
	len = put_statistic(len, 999, 5);	/* a tag that the device does not know */
	offer(&(struct vq_buffer){ NUMBERS, len, false }, 1);
	ck_assert(!answered());
	ck_assert_uint_eq(stats_now().known, 0x30);
	ck_assert_uint_eq(stats_now().value[VIRTDEV_BALLOON_TOTAL],
			  UINT64_C(1) << 40);
	ck_assert_int_eq(virtdev_balloon_ask_stats(rig.dev), 0);
	ck_assert(answered());
	ck_assert_uint_eq(rig.notified, 1);
	ck_assert_int_eq(virtdev_balloon_ask_stats(rig.dev), -EAGAIN);
	put_statistic(0, VIRTDEV_BALLOON_FREE, 77);
	offer(&(struct vq_buffer){ NUMBERS, 10, false }, 1);
	ck_assert_uint_eq(stats_now().value[VIRTDEV_BALLOON_FREE], 77);
	ck_assert_uint_eq(stats_now().known, 0x10);
	ck_assert_uint_eq(stats_now().reports, 2);
	teardown();
}
END_TEST

START_TEST(a8_05_only_the_beginning_of_huge_statistics_is_read)
{
	uint32_t off = 0;
	unsigned int i;

	setup_queue(STATS);
	for (i = 0; i < 100; i++)
		off = put_statistic(off, VIRTDEV_BALLOON_FREE, i);
	offer(&(struct vq_buffer){ NUMBERS, GUEST_HALF, false }, 1);
	ck_assert_uint_eq(stats_now().value[VIRTDEV_BALLOON_FREE], 63);
	teardown();
}
END_TEST

START_TEST(a8_05_excess_and_invalid_statistics_buffers_are_returned)
{
	unsigned int i;

	setup_queue(STATS);
	for (i = 0; i < 16; i++)
		offer(&(struct vq_buffer){ i & 1 ? GUEST_HOLE : NUMBERS,
					   i & 2 ? 9 : 0x1000, i & 4 }, 1);
	for (i = 0; i < 15; i++)
		ck_assert(answered());
	ck_assert(!answered());
	ck_assert_uint_eq(stats_now().reports, 16);
	ck_assert_uint_eq(stats_now().known, 0);
	teardown();
}
END_TEST

START_TEST(stop_keeps_the_statistics_buffer_for_the_next_start)
{
	setup_queue(STATS);
	put_statistic(0, VIRTDEV_BALLOON_FREE, 1);
	offer(&(struct vq_buffer){ NUMBERS, 10, false }, 1);
	ck_assert_int_eq(virtdev_queue_drain(rig.dev, STATS), 0);
	ck_assert_uint_eq(vq_inflight(rig.g.q), 0);
	virtdev_queue_stop(rig.dev, STATS);
	ck_assert_int_eq(virtdev_balloon_ask_stats(rig.dev), -EAGAIN);
	start(STATS, F_STATS | F_REPORTS);
	while (virtdev_queue_serve(rig.dev, STATS))
		;
	ck_assert_uint_eq(stats_now().reports, 2);
	ck_assert_int_eq(virtdev_balloon_ask_stats(rig.dev), 0);
	ck_assert(answered());
	teardown();
}
END_TEST

/* ---------------------------------------------------------------- reports */

START_TEST(reported_pages_are_freed_across_regions)
{
	uint64_t before[2];

	setup_with(REPORTS, F_STATS | F_REPORTS, formats[_i]);
	fill(GUEST_HALF - 4 * PAGE, 8 * PAGE);
	before[0] = resident(0);
	before[1] = resident(1);
	request(GUEST_HALF - 2 * PAGE, 4 * PAGE, true);
	ck_assert_uint_eq(resident(0), before[0] - 2 * PAGE);
	ck_assert_uint_eq(resident(1), before[1] - 2 * PAGE);
	ck_assert_uint_eq(size_now().reported, 4 * PAGE);
	teardown();
}
END_TEST

START_TEST(a8_06_read_only_buffers_are_not_free_pages)
{
	const struct vq_buffer both[] = { { PAGES, PAGE, false },
					  { PAGES + PAGE, PAGE + 9, true } };

	setup_queue(REPORTS);
	fill(PAGES, 4 * PAGE);
	offer(both, 2);
	ck_assert(answered());
	ck_assert(!is_zero(PAGES, PAGE));
	ck_assert(is_zero(PAGES + PAGE, PAGE));
	ck_assert(!is_zero(PAGES + 2 * PAGE, 9));
	ck_assert_uint_eq(size_now().reported, PAGE);
	ck_assert_uint_eq(size_now().kept, 9);
	request(GUEST_ROM, PAGE, true);
	request(GUEST_HOLE, PAGE, true);
	request(GUEST_HALF * 2 - PAGE, 2 * PAGE, true);
	ck_assert_uint_le(size_now().reported, 2 * PAGE);
	teardown();
}
END_TEST

START_TEST(poisoned_free_pages_are_kept)
{
	const struct vsu_le32 poison = vsu_le32_make(0xaaaaaaaa);

	setup_queue(REPORTS);
	fill(PAGES, PAGE);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 12, &poison, 4), 0);
	request(PAGES, PAGE, true);
	ck_assert(!is_zero(PAGES, PAGE));
	ck_assert_uint_eq(size_now().reported, 0);
	teardown();
}
END_TEST

/*
 * Linux does not count queues whose features were not negotiated; VIRTIO does.
 */
START_TEST(reporting_queue_has_the_index_of_linux_or_of_virtio)
{
	static const struct {
		uint64_t features;
		uint32_t queue;
		bool reports;
	} rows[] = {
		{ F_STATS | F_REPORTS, 3, true },
		{ F_STATS | F_REPORTS, 4, true },
		{ F_STATS | F_REPORTS, 2, false },
		{ F_REPORTS, 2, true },
		{ F_REPORTS, 4, true },
		{ F_REPORTS, 3, false },
		{ 0, 4, false },
	};

	setup_with(rows[_i].queue, rows[_i].features, 0);
	fill(PAGES, PAGE);
	offer(&(struct vq_buffer){ PAGES, PAGE, true }, 1);
	ck_assert_int_eq(is_zero(PAGES, PAGE), rows[_i].reports);
	teardown();
}
END_TEST

/* --------------------------------------------------------- configuration */

static uint32_t config_word(uint32_t off)
{
	struct vsu_le32 word;

	virtdev_config_read(rig.dev, off, &word, 4);
	return vsu_le32_load(word);
}

START_TEST(target_is_set_by_the_host_and_may_change)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const uint32_t word = 0;

	setup_queue(INFLATE);
	ck_assert_uint_eq(config_word(0), 16);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 0, &word, 4), -EPERM);
	ck_assert_int_eq(virtdev_balloon_set_target(rig.dev, 1 << 20,
						    &err), 0);
	ck_assert_uint_eq(config_word(0), 256);
	ck_assert_uint_eq(rig.changed, 1);
	ck_assert_int_eq(virtdev_balloon_set_target(rig.dev, 4097, &err),
			 -EINVAL);
	ck_assert_str_eq(err.msg, "balloon: 4097 bytes; the size must be a multiple of 4096 below 16 TiB");
	ck_assert_int_eq(virtdev_balloon_set_target(rig.dev,
						    UINT64_C(1) << 44, &err),
			 -EINVAL);
	ck_assert_uint_eq(size_now().target, 1 << 20);
	teardown();
}
END_TEST

START_TEST(actual_size_of_the_driver_is_kept_until_a_reset)
{
	const struct vsu_le32 word = vsu_le32_make(12);
	const uint8_t byte = 1;

	setup_queue(INFLATE);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 4, &word, 4), 0);
	ck_assert_uint_eq(size_now().actual, 12 * PAGE);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 5, &byte, 1), 0);
	ck_assert_uint_eq(config_word(4), 0x10c);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 8, &word, 4), -EPERM);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 6, &word, 4), -EPERM);
	virtdev_queue_stop(rig.dev, INFLATE);
	virtdev_reset(rig.dev);
	ck_assert_uint_eq(size_now().actual, 0);
	ck_assert_uint_eq(config_word(0), 16);
	start(INFLATE, 0);
	teardown();
}
END_TEST

START_TEST(actual_size_is_part_of_the_state)
{
	const struct vsu_le32 word = vsu_le32_make(12);
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev_stat stats[16];
	void *bytes;
	size_t len;

	setup_queue(INFLATE);
	put_number(0, GUEST_HOLE / PAGE);
	inflate(1);
	ck_assert_uint_eq(virtdev_stats(rig.dev, stats, 16), 14);
	ck_assert_str_eq(stats[0].name, "target");
	ck_assert_uint_eq(stats[0].value, 16 * PAGE);
	ck_assert_str_eq(stats[4].name, "kept");
	ck_assert_uint_eq(stats[4].value, PAGE);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 4, &word, 4), 0);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 12, &word, 4), 0);
	virtdev_queue_stop(rig.dev, INFLATE);
	virtdev_pause(rig.dev);
	ck_assert_int_eq(virtdev_state_take(rig.dev, &bytes, &len, NULL), 0);
	virtdev_free(rig.dev);
	make_balloon(rig.g.space);
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len - 1, &err),
			 -EBADMSG);
	ck_assert_uint_eq(config_word(4), 0);
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len, &err), 0);
	ck_assert_uint_eq(config_word(4), 12);
	ck_assert_uint_eq(config_word(12), 12);
	free(bytes);
	start(INFLATE, 0);
	teardown();
}
END_TEST

START_TEST(features_are_those_configured)
{
	setup_queue(INFLATE);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->id, VIRTDEV_ID_BALLOON);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->features & 0x3f,
			  F_STATS | F_OOM | F_POISON | F_REPORTS);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->queue_size_max, 128);
	teardown();
}
END_TEST

START_TEST(invalid_configuration_is_refused)
{
	struct virtdev_balloon_config config = { .size = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *b;

	memset(&rig, 0, sizeof(rig));
	guest_init_memory(&rig.g);
	ck_assert_int_eq(virtdev_balloon_new(&config, &b, &err), -EINVAL);
	config.size = sizeof(config);
	ck_assert_int_eq(virtdev_balloon_new(&config, &b, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "balloon: no memory to release pages of");
	config.space = rig.g.space;
	config.queue_size_max = 32769;
	ck_assert_int_eq(virtdev_balloon_new(&config, &b, &err), -EINVAL);
	config.queue_size_max = 0;
	config.target = 1;
	ck_assert_int_eq(virtdev_balloon_new(&config, &b, &err), -EINVAL);
	guest_fini(&rig.g);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("balloon");
	TCase *tc = tcase_create("balloon");

	tcase_add_loop_test(tc,
			    a8_04_inflated_pages_of_shared_memory_are_freed_in_the_file,
			    0, 2);
	tcase_add_test(tc,
		       inflated_pages_of_anonymous_memory_are_freed_and_reusable);
	tcase_add_test(tc,
		       a8_01_pages_outside_ram_are_skipped_and_counted);
	tcase_add_test(tc,
		       a8_01_pages_refused_by_the_owner_are_skipped_and_counted);
	tcase_add_test(tc, a8_02_partial_page_number_is_ignored);
	tcase_add_test(tc, a8_02_only_the_beginning_of_a_long_buffer_is_read);
	tcase_add_test(tc, a8_02_page_listed_twice_is_freed_once);
	tcase_add_test(tc, a8_03_only_complete_host_pages_are_freed);
	tcase_add_test(tc, a8_07_inflating_the_ring_harms_only_the_guest);
	tcase_add_test(tc, deflate_is_accepted_without_action);
	tcase_add_loop_test(tc, statistics_are_sent_on_request, 0, 2);
	tcase_add_test(tc,
		       a8_05_only_the_beginning_of_huge_statistics_is_read);
	tcase_add_test(tc,
		       a8_05_excess_and_invalid_statistics_buffers_are_returned);
	tcase_add_test(tc,
		       stop_keeps_the_statistics_buffer_for_the_next_start);
	tcase_add_loop_test(tc, reported_pages_are_freed_across_regions,
			    0, 2);
	tcase_add_test(tc, a8_06_read_only_buffers_are_not_free_pages);
	tcase_add_test(tc, poisoned_free_pages_are_kept);
	tcase_add_loop_test(tc,
			    reporting_queue_has_the_index_of_linux_or_of_virtio,
			    0, 7);
	tcase_add_test(tc, target_is_set_by_the_host_and_may_change);
	tcase_add_test(tc, actual_size_of_the_driver_is_kept_until_a_reset);
	tcase_add_test(tc, actual_size_is_part_of_the_state);
	tcase_add_test(tc, features_are_those_configured);
	tcase_add_test(tc, invalid_configuration_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
