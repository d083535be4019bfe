/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about persistent memory: its region, and the completion of flushes. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <virtio-devices/ids.h>
#include <virtio-devices/pmem.h>
#include <vmm-sys-util/endian.h>

#include "../fake-disk.h"
#include "../guest.h"
#include "../suite.h"
#include "disk/priv.h"

#define LEN VIRTDEV_PMEM_ALIGN
#define ANSWERS (GUEST_DATA + 0x1000)
#define UNTOUCHED 0xee

struct rig {
	struct guest g;
	struct fake_disk disk;
	struct virtdev *dev;
	int fd;
	unsigned int notified, maps;
	struct virtdev_mapping mapped;
	int map_answer;
	unsigned int asked;	/* number of requests sent */
	uint64_t gpa;		/* of the region */
};

static struct rig rig;

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
	rig.notified++;
}

static int on_change(void *opaque, bool map, const struct virtdev_mapping *m,
		     uint64_t cookie)
{
	(void)opaque;
	(void)cookie;
	ck_assert(map);
	rig.maps++;
	rig.mapped = *m;
	return rig.map_answer;
}

static int on_address(void *opaque, uint8_t region, uint64_t *gpa)
{
	(void)opaque;
	(void)region;
	*gpa = rig.gpa;
	return 0;
}

static void make_disk(bool read_only)
{
	fake_disk_init(&rig.disk);
	rig.disk.info.read_only = read_only;
	fake_disk_make(&rig.disk);
	rig.fd = memfd_create("pmem", MFD_CLOEXEC);
	ck_assert_int_ge(rig.fd, 0);
	rig.disk.disk->fd = rig.fd;
	rig.disk.disk->info.capacity = LEN;
}

static void setup_with(uint64_t ring, bool read_only)
{
	static const struct virtdev_server_ops server = {
		.size = sizeof(server), .notify = on_notify,
		.region_change = on_change, .region_address = on_address,
	};
	struct virtdev_pmem_config config = { .size = sizeof(config) };

	memset(&rig, 0, sizeof(rig));
	rig.gpa = UINT64_C(1) << 33;
	guest_init(&rig.g, ring, 16, 0, 16);
	make_disk(read_only);
	config.disk = rig.disk.disk;
	ck_assert_int_eq(virtdev_pmem_new(&config, &rig.dev, NULL), 0);
	ck_assert_int_eq(virtdev_set_server(rig.dev, &server, NULL), 0);
	ck_assert_int_eq(virtdev_queue_start(rig.dev, 0, rig.g.q, NULL), 0);
}

static void setup_plain(void)
{
	setup_with(0, false);
}

static void teardown(void)
{
	fake_disk_finish(&rig.disk);
	ck_assert_int_eq(virtdev_queue_drain(rig.dev, 0), 0);
	virtdev_queue_stop(rig.dev, 0);
	virtdev_free(rig.dev);
	ck_assert_uint_eq(rig.disk.freed, 1);
	ck_assert_uint_eq(rig.disk.channels, 0);
	fake_disk_fini(&rig.disk);
	close(rig.fd);
	ck_assert_uint_eq(vq_inflight(rig.g.q), 0);
	guest_fini(&rig.g);
}

static void serve(void)
{
	unsigned int turns = 0;

	while (virtdev_queue_serve(rig.dev, 0))
		ck_assert_uint_lt(++turns, 100);
}

static void ask(uint32_t type, uint32_t len, uint32_t answer_len)
{
	const uint64_t at = ANSWERS + 64 * (rig.asked % 64);
	const uint64_t from = GUEST_DATA + 8 * (rig.asked % 64);
	const struct vsu_le32 le = vsu_le32_make(type);
	const struct vq_buffer buffers[] = {
		{ from, len, false }, { at, answer_len, true },
	};

	memcpy(guest_at(&rig.g, from), &le, 4);
	memset(guest_at(&rig.g, at), UNTOUCHED, 4);
	ck_assert_int_eq(vq_driver_add(rig.g.driver, buffers,
				       answer_len ? 2 : 1, rig.asked++), 0);
	vq_driver_publish(rig.g.driver);
}

static void flush(void)
{
	ask(0, 4, 4);
}

/*
 * The next response; 1 if no request completed; -2 if a request had no room for
 * a response.
 */
static int answer(void)
{
	uint64_t cookie;
	uint32_t len;
	struct vsu_le32 le;

	if (vq_driver_collect(rig.g.driver, &cookie, &len) != 1)
		return 1;
	if (!len)
		return -2;
	ck_assert_uint_eq(len, 4);
	memcpy(&le, guest_at(&rig.g, ANSWERS + 64 * (cookie % 64)), 4);
	return (int32_t)vsu_le32_load(le);
}

static const uint64_t formats[] = { 0, VQ_F_RING_PACKED };

START_TEST(flush_completes_when_the_disk_has_flushed)
{
	setup_with(formats[_i], false);
	rig.disk.hold = true;
	flush();
	serve();
	ck_assert_int_eq(answer(), 1);
	ck_assert_uint_eq(rig.disk.nlog, 1);
	ck_assert_uint_eq(rig.disk.log[0].op, VIRTDEV_DISK_FLUSH);
	rig.disk.hold = false;
	fake_disk_finish(&rig.disk);
	serve();
	ck_assert_int_eq(answer(), 0);
	ck_assert_uint_eq(rig.notified, 1);
	teardown();
}
END_TEST

START_TEST(region_maps_the_file_permanently)
{
	setup_plain();
	ck_assert_uint_eq(rig.maps, 1);
	ck_assert_int_eq(rig.mapped.fd, rig.fd);
	ck_assert_uint_eq(rig.mapped.len, LEN);
	ck_assert(rig.mapped.writable);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->regions[0].flags,
			  VIRTDEV_REGION_APART);
	virtdev_queue_stop(rig.dev, 0);
	virtdev_reset(rig.dev);
	rig.map_answer = -EEXIST;
	ck_assert_int_eq(virtdev_queue_start(rig.dev, 0, rig.g.q, NULL), 0);
	flush();
	serve();
	ck_assert_int_eq(answer(), 0);
	teardown();
}
END_TEST

START_TEST(read_only_file_is_mapped_read_only_and_fails_flushes)
{
	setup_with(0, true);
	ck_assert(!rig.mapped.writable);
	flush();
	serve();
	ck_assert_int_eq(answer(), -1);
	ck_assert_uint_eq(rig.disk.nlog, 0);
	teardown();
}
END_TEST

START_TEST(refused_mapping_fails_the_start)
{
	struct vsu_error err = VSU_ERROR_INIT;

	setup_plain();
	virtdev_queue_stop(rig.dev, 0);
	rig.map_answer = -ENOSPC;
	ck_assert_int_eq(virtdev_queue_start(rig.dev, 0, rig.g.q, &err),
			 -ENOSPC);
	ck_assert(strstr(err.msg, "pmem: cannot map its file"));
	ck_assert_uint_eq(rig.disk.channels, 0);
	rig.map_answer = 0;
	ck_assert_int_eq(virtdev_queue_start(rig.dev, 0, rig.g.q, NULL), 0);
	teardown();
}
END_TEST

START_TEST(configuration_contains_address_and_length)
{
	struct vsu_le64 space[2];

	setup_plain();
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->id, VIRTDEV_ID_PMEM);
	ck_assert_uint_eq(virtdev_get_info(rig.dev)->config_size, sizeof(space));
	virtdev_config_read(rig.dev, 0, space, sizeof(space));
	ck_assert_uint_eq(vsu_le64_load(space[0]), UINT64_C(1) << 33);
	ck_assert_uint_eq(vsu_le64_load(space[1]), LEN);
	ck_assert_int_eq(virtdev_config_write(rig.dev, 0, space, 8), -EPERM);
	(void)!virtdev_set_server(rig.dev, NULL, NULL);
	virtdev_config_read(rig.dev, 0, space, 8);
	ck_assert_uint_eq(vsu_le64_load(space[0]), 0);
	teardown();
}
END_TEST

static void claim_refused(const void *state, size_t len, const char *why)
{
	struct vsu_error err = VSU_ERROR_INIT;

	ck_assert_int_lt(virtdev_state_load(rig.dev, state, len, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, why));
}

START_TEST(state_is_loaded_by_a_device_of_the_same_place_and_length)
{
	struct vsu_error err = VSU_ERROR_INIT;
	unsigned char *state;
	void *bytes;
	size_t len;

	setup_plain();
	virtdev_pause(rig.dev);
	ck_assert_int_eq(virtdev_state_take(rig.dev, &bytes, &len, &err), 0);
	/* other devices may have buffers there before its queue starts */
	rig.maps = 0;
	rig.map_answer = -EEXIST;
	ck_assert_int_eq(virtdev_state_load(rig.dev, bytes, len, &err), 0);
	ck_assert_uint_eq(rig.maps, 1);
	ck_assert_uint_eq(rig.mapped.len, LEN);
	rig.map_answer = -ENOSPC;
	claim_refused(bytes, len, "cannot map its file into the guest");
	rig.gpa += LEN;
	claim_refused(bytes, len, "this one at 0x200200000");
	rig.gpa -= LEN;
	state = bytes;
	state[len - 6] ^= 1;	/* the length, little-endian */
	claim_refused(bytes, len, "specify a file or a size of as many");
	free(bytes);
	teardown();
}
END_TEST

START_TEST(a8_08_short_or_unknown_request_fails_without_a_flush)
{
	setup_plain();
	ask(0, 3, 4);
	ask(1, 4, 4);
	ask(UINT32_MAX, 4, 4);
	ask(0, 4, 0);
	ask(0, 4, 3);
	serve();
	ck_assert_int_eq(answer(), -1);
	ck_assert_int_eq(answer(), -1);
	ck_assert_int_eq(answer(), -1);
	ck_assert_int_eq(answer(), -2);
	ck_assert_int_eq(answer(), -2);
	ck_assert_uint_eq(rig.disk.nlog, 0);
	teardown();
}
END_TEST

START_TEST(a8_08_request_or_response_outside_memory_fails)
{
	const struct vq_buffer nowhere[] = { { GUEST_HOLE, 4, false },
					     { ANSWERS, 4, true } };
	const struct vq_buffer rom[] = { { GUEST_DATA, 4, false },
					 { GUEST_ROM, 4, true } };

	setup_plain();
	ck_assert_int_eq(vq_driver_add(rig.g.driver, nowhere, 2, 0), 0);
	ck_assert_int_eq(vq_driver_add(rig.g.driver, rom, 2, 0), 0);
	vq_driver_publish(rig.g.driver);
	serve();
	ck_assert_int_eq(answer(), -1);
	ck_assert_int_eq(answer(), -2);
	ck_assert_uint_eq(rig.disk.nlog, 0);
	teardown();
}
END_TEST

/* The second flush begins after every waiting request was queued. */
START_TEST(a8_09_waiting_flushes_are_merged)
{
	unsigned int i;

	setup_plain();
	rig.disk.hold = true;
	flush();
	serve();
	for (i = 0; i < 7; i++) {
		flush();
		serve();
	}
	ck_assert_uint_eq(rig.disk.nlog, 1);
	fake_disk_finish(&rig.disk);
	serve();
	ck_assert_int_eq(answer(), 0);
	ck_assert_int_eq(answer(), 1);
	ck_assert_uint_eq(rig.disk.nlog, 2);
	fake_disk_finish(&rig.disk);
	serve();
	for (i = 0; i < 7; i++)
		ck_assert_int_eq(answer(), 0);
	ck_assert_uint_eq(rig.disk.nlog, 2);
	teardown();
}
END_TEST

START_TEST(a8_10_failed_flush_is_reported_to_the_driver)
{
	setup_plain();
	rig.disk.result = -EIO;
	flush();
	serve();
	ck_assert_int_eq(answer(), -1);
	rig.disk.refuse_submit = -ENOMEM;
	flush();
	serve();
	ck_assert_int_eq(answer(), -1);
	rig.disk.refuse_submit = 0;
	teardown();
}
END_TEST

START_TEST(a4_15_drain_waits_for_the_flush_and_fetches_nothing)
{
	setup_plain();
	rig.disk.hold = true;
	flush();
	serve();
	flush();
	ck_assert_int_eq(virtdev_queue_drain(rig.dev, 0), 1);
	fake_disk_finish(&rig.disk);
	ck_assert_int_eq(virtdev_queue_drain(rig.dev, 0), 0);
	ck_assert_int_eq(answer(), 0);
	ck_assert_int_eq(answer(), 1);
	teardown();
}
END_TEST

START_TEST(stop_during_a_flush_breaks_the_queue)
{
	struct vsu_error err = VSU_ERROR_INIT;

	setup_plain();
	rig.disk.hold = true;
	ask(0, 4, 4);
	serve();
	virtdev_queue_stop(rig.dev, 0);
	ck_assert_int_eq(vq_broken(rig.g.q), VQ_BROKEN_BY_DEVICE);
	ck_assert_int_eq(virtdev_queue_start(rig.dev, 0, rig.g.q, &err), -EBUSY);
	virtdev_queue_stop(rig.dev, 0);
	ck_assert_uint_eq(rig.disk.channels, 1);
	fake_disk_finish(&rig.disk);
	ck_assert_int_eq(virtdev_queue_start(rig.dev, 0, rig.g.q, &err), 0);
	virtdev_queue_stop(rig.dev, 0);
	virtdev_free(rig.dev);
	ck_assert_uint_eq(rig.disk.freed, 1);
	ck_assert_uint_eq(rig.disk.channels, 0);
	fake_disk_fini(&rig.disk);
	close(rig.fd);
	guest_fini(&rig.g);
}
END_TEST

START_TEST(d4_02_disk_of_a_device_cannot_be_given_to_another)
{
	struct virtdev_pmem_config config = { .size = sizeof(config) };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev = NULL;

	setup_plain();
	config.disk = rig.disk.disk;
	ck_assert_int_eq(virtdev_pmem_new(&config, &dev, &err), -EBUSY);
	ck_assert_ptr_null(dev);
	teardown();
}
END_TEST

START_TEST(invalid_configuration_is_refused)
{
	struct virtdev_pmem_config config = { .size = 0 };
	struct vsu_error err = VSU_ERROR_INIT;
	struct virtdev *dev;

	memset(&rig, 0, sizeof(rig));
	make_disk(false);
	ck_assert_int_eq(virtdev_pmem_new(&config, &dev, &err), -EINVAL);
	config.size = sizeof(config);
	ck_assert_int_eq(virtdev_pmem_new(&config, &dev, &err), -EINVAL);
	ck_assert(strstr(err.msg, "no disk"));
	config.disk = rig.disk.disk;
	config.len = 4096;
	ck_assert_int_eq(virtdev_pmem_new(&config, &dev, &err), -EINVAL);
	ck_assert_str_eq(err.msg, "pmem: 4096 bytes are not a multiple of 2 MiB; extend the file (truncate -s), or specify a size");
	config.len = 2 * LEN;
	ck_assert_int_eq(virtdev_pmem_new(&config, &dev, &err), -EINVAL);
	config.len = 0;
	config.queue_size_max = 32769;
	ck_assert_int_eq(virtdev_pmem_new(&config, &dev, &err), -EINVAL);
	config.queue_size_max = 0;
	rig.disk.disk->fd = -1;
	ck_assert_int_eq(virtdev_pmem_new(&config, &dev, &err), -EINVAL);
	virtdev_disk_free(rig.disk.disk);
	fake_disk_fini(&rig.disk);
	close(rig.fd);
}
END_TEST

static struct virtdev *open_file(const char *path, bool unlocked)
{
	const struct virtdev_disk_file file = {
		.size = sizeof(file), .path = path, .unlocked = unlocked,
	};
	struct virtdev_pmem_config config = { .size = sizeof(config) };
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_disk_file_open(&file, &config.disk, NULL), 0);
	ck_assert_int_eq(virtdev_pmem_new(&config, &dev, NULL), 0);
	return dev;
}

START_TEST(file_is_handed_over_with_its_lock)
{
	char path[] = "/tmp/cvmm-pmem.XXXXXX";
	struct virtdev_disk_identity before, after;
	struct virtdev *first, *second;
	int fd = mkstemp(path);

	ck_assert_int_eq(ftruncate(fd, LEN), 0);
	first = open_file(path, false);
	second = open_file(path, true);
	ck_assert_int_eq(virtdev_pmem_identify(first, &before, NULL), 0);
	ck_assert_int_eq(virtdev_pmem_set_locked(second, true, NULL), -EBUSY);
	ck_assert_int_eq(virtdev_pmem_flush(first, NULL), 0);
	ck_assert_int_eq(virtdev_pmem_set_locked(first, false, NULL), 0);
	ck_assert_int_eq(virtdev_pmem_set_locked(second, true, NULL), 0);
	ck_assert_int_eq(pwrite(fd, "x", 1, LEN - 1), 1);
	ck_assert_int_eq(virtdev_pmem_identify(second, &after, NULL), 0);
	ck_assert(before.bytes == after.bytes && before.sum != after.sum && !after.seconds);
	virtdev_free(first);
	virtdev_free(second);
	close(fd);
	unlink(path);
}
END_TEST

START_TEST(other_device_has_no_file_to_hand_over)
{
	static const struct virtdev_ops ops = { .size = sizeof(ops), .name = "pmem" };
	const struct virtdev_info info = { .id = VIRTDEV_ID_PMEM, .nqueues = 1, .queue_size_max = 16 };
	struct virtdev_disk_identity id;
	struct virtdev *dev;

	ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &dev, NULL), 0);
	ck_assert_int_eq(virtdev_pmem_set_locked(dev, true, NULL), -EINVAL);
	ck_assert_int_eq(virtdev_pmem_flush(dev, NULL), -EINVAL);
	ck_assert_int_eq(virtdev_pmem_identify(dev, &id, NULL), -EINVAL);
	virtdev_free(dev);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("pmem");
	TCase *tc = tcase_create("pmem");

	tcase_add_loop_test(tc, flush_completes_when_the_disk_has_flushed,
			    0, 2);
	tcase_add_test(tc, region_maps_the_file_permanently);
	tcase_add_test(tc, read_only_file_is_mapped_read_only_and_fails_flushes);
	tcase_add_test(tc, refused_mapping_fails_the_start);
	tcase_add_test(tc, configuration_contains_address_and_length);
	tcase_add_test(tc, state_is_loaded_by_a_device_of_the_same_place_and_length);
	tcase_add_test(tc,
		       a8_08_short_or_unknown_request_fails_without_a_flush);
	tcase_add_test(tc,
		       a8_08_request_or_response_outside_memory_fails);
	tcase_add_test(tc, a8_09_waiting_flushes_are_merged);
	tcase_add_test(tc, a8_10_failed_flush_is_reported_to_the_driver);
	tcase_add_test(tc,
		       a4_15_drain_waits_for_the_flush_and_fetches_nothing);
	tcase_add_test(tc, stop_during_a_flush_breaks_the_queue);
	tcase_add_test(tc, d4_02_disk_of_a_device_cannot_be_given_to_another);
	tcase_add_test(tc, invalid_configuration_is_refused);
	tcase_add_test(tc, file_is_handed_over_with_its_lock);
	tcase_add_test(tc, other_device_has_no_file_to_hand_over);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
