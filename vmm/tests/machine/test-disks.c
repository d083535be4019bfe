/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about the disks of a machine, compared with those in a state. */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "machine/disk_flush.h"
#include "machine/disks.h"
#include "machine/sharing.h"
#include "kernels.h"
#include "rig.h"

/* Devices 0 and 2 are disks of 2 MiB, device 3 is persistent memory, device 1 is none. */
#define BYTES UINT64_C(0x200000)

static struct vsu_state_writer writer;

static void setup(void)
{
	rig_init();
	kernel_pvh();
	rig_file("first", "", 0);
	rig_file("second", "", 0);
	ck_assert_int_eq(truncate("first", BYTES), 0);
	ck_assert_int_eq(truncate("second", BYTES), 0);
	rig_file("third", "", 0);
	ck_assert_int_eq(truncate("third", BYTES), 0);
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null", "--disk=first", "--rng=rate=1k",
		    "--disk=path=second,readonly", "--pmem=path=third,readonly");
	rig_make();
	memset(&writer, 0, sizeof(writer));
	vsu_state_begin(&writer, NULL);
}

static void teardown(void)
{
	free(writer.out.bytes);
	rig_fini();
}

static void add_disk(uint32_t device, uint64_t bytes, uint32_t read_only)
{
	vsu_state_section(&writer, "disk", device);
	vsu_state_put_u64(&writer, bytes);
	vsu_state_put_u32(&writer, read_only);
	vsu_state_section_end(&writer);
}

static int check_disks(void)
{
	struct vsu_state state;

	ck_assert_int_eq(vsu_state_finish(&writer), 0);
	state = (struct vsu_state){ writer.out.bytes, writer.out.len };
	ck_assert_int_eq(vsu_state_check(&state, NULL, &rig.err), 0);
	return vmm_disks_check(&rig.machine, &state, &rig.err);
}

START_TEST(accepts_the_disks_that_it_described)
{
	vmm_disks_describe(&rig.machine, &writer);
	ck_assert_int_eq(check_disks(), 0);
}
END_TEST

START_TEST(accepts_larger_and_writable_disks)
{
	add_disk(0, BYTES - 512, 1);
	add_disk(2, BYTES - 512, 1);
	ck_assert_int_eq(check_disks(), 0);
}
END_TEST

static const struct {
	uint64_t first, second;	/* bytes of the guest's disks */
	uint32_t read_only;	/* the second */
	const char *says;
} refused[] = {
	{ BYTES + 512, BYTES, 1, "device 0: disk 'first' has 2097152 bytes, but the guest's disk has 2097664" },
	{ BYTES, BYTES + 512, 1, "device 2: disk 'second' has 2097152 bytes" },
	{ BYTES, BYTES, 0, "device 2: disk 'second' is read-only" },
};

/* Also if a later one would be accepted */
START_TEST(e2_19_refuses_any_disk_that_does_not_fit)
{
	add_disk(0, refused[_i].first, 0);
	add_disk(2, refused[_i].second, refused[_i].read_only);
	ck_assert_int_eq(check_disks(), -EINVAL);
	ck_assert_msg(strstr(rig.err.msg, refused[_i].says), "%d: %s", _i, rig.err.msg);
}
END_TEST

/* Copies of a descriptor have one lock. */
START_TEST(refuses_a_descriptor_for_two_disks)
{
	const int first = open("first", O_RDWR | O_CLOEXEC), copy = vsu_fd_dup(first);
	char one[32], two[32];

	snprintf(one, sizeof(one), "--disk=path=fd:%d:one", first);
	snprintf(two, sizeof(two), "--pmem=path=fd:%d:two", copy);
	rig_free();
	RIG_OPTIONS("kernel", "--memory=size=4M", "--serial=null", one, two);
	ck_assert_int_ne(rig_try(&rig.owner), 0);
	ck_assert_msg(strstr(rig.err.msg, "' is specified twice; only one device can write"), "%s", rig.err.msg);
	close(first);
	close(copy);
}
END_TEST

/* A state without a section accepts it, as tested above. */
static const struct {
	uint32_t read_only;	/* the guest's */
	int rc;
} memories[] = { { 1, 0 }, { 0, -EINVAL } };

START_TEST(e2_19_refuses_read_only_memory_for_a_guest_that_stores_to_it)
{
	add_disk(0, BYTES, 0);
	add_disk(2, BYTES, 1);
	add_disk(3, 0, memories[_i].read_only);
	ck_assert_int_eq(check_disks(), memories[_i].rc);
	ck_assert(!memories[_i].rc || strstr(rig.err.msg, "device 3: disk 'third' is read-only, but"));
}
END_TEST

START_TEST(e2_19_refuses_a_state_that_lacks_a_disk)
{
	add_disk(0, BYTES, 0);
	ck_assert_int_eq(check_disks(), -EBADMSG);
}
END_TEST

/* ---------------------------------------------------------------------- content */

static struct virtdev_disk_identity identify(unsigned int device)
{
	const struct vmm_device *d = &rig.machine.devices[device];
	struct virtdev_disk_identity id;

	ck_assert_int_eq(d->spec.kind->identify(vmm_machine_local_device(d), &id, &rig.err), 0);
	return id;
}

static void add_content(uint32_t device, const struct virtdev_disk_identity *id)
{
	vsu_state_section(&writer, "disk-content", device);
	vsu_state_put_u64(&writer, id->bytes);
	vsu_state_put_u64(&writer, id->sum);
	vsu_state_put_u64(&writer, (uint64_t)id->seconds);
	vsu_state_put_u32(&writer, id->ns);
	vsu_state_section_end(&writer);
}

static int check_content(void)
{
	struct vsu_state state;

	ck_assert_int_eq(vsu_state_finish(&writer), 0);
	state = (struct vsu_state){ writer.out.bytes, writer.out.len };
	return vmm_disks_check_content(&rig.machine, &state, &rig.err);
}

START_TEST(accepts_the_content_that_it_identified)
{
	ck_assert_int_eq(vmm_disks_identify(&rig.machine, &writer, &rig.err), 0);
	ck_assert_msg(!check_content(), "%s", rig.err.msg);
}
END_TEST

/* A copy of a disk may lack its time. */
START_TEST(accepts_content_without_a_time)
{
	struct virtdev_disk_identity id = identify(2);

	id.seconds = id.ns = 0;
	add_content(2, &id);
	ck_assert_msg(!check_content(), "%s", rig.err.msg);
}
END_TEST

START_TEST(e3_28_refuses_content_that_differs_in_one_property)
{
	struct virtdev_disk_identity id = identify(2);

	id.bytes += _i == 0;
	id.sum += _i == 1;
	id.seconds += _i == 2;
	id.ns += _i == 3;
	add_content(2, &id);
	ck_assert_int_eq(check_content(), -ESTALE);
	ck_assert_msg(!strncmp(rig.err.msg, "device 2: disk 'second' was changed", 35), "%s",
		      rig.err.msg);
}
END_TEST

/* ------------------------------------------------------------------------ flush */

static int answer = -1;	/* the server of the files answers when it is readable, if not -1 */

/* Its destructor is called when the thread that flushes ends. */
static pthread_key_t thread_key;
static bool has_thread_key, thread_ended;

static void note_end(void *flag)
{
	sched_yield();
	__atomic_store_n((bool *)flag, true, __ATOMIC_RELAXED);
}

/* Replaces the C library's function. */
int fdatasync(int fd)
{
	struct pollfd p = { .fd = answer, .events = POLLIN };

	(void)fd;
	if (has_thread_key)
		ck_assert_int_eq(pthread_setspecific(thread_key, &thread_ended), 0);
	if (answer >= 0)
		ck_assert_int_eq(poll(&p, 1, -1), 1);
	return 0;
}

static int flush_shortly(void)
{
	return vmm_disks_flush(&rig.machine, -1, vsu_now_ns() + 1000000, &rig.err);
}

START_TEST(e2_39_flush_that_hangs_ends_at_its_deadline)
{
	answer = vsu_event_new();
	ck_assert_int_eq(flush_shortly(), -ETIMEDOUT);
	ck_assert_ptr_nonnull(strstr(rig.err.msg, "the flush of a disk did not end in time"));
	ck_assert(vmm_disks_are_flushing(&rig.machine));
	ck_assert_int_eq(flush_shortly(), -ETIMEDOUT);
	vsu_event_signal(answer);
	ck_assert_int_eq(vmm_disks_flush(&rig.machine, -1, 0, &rig.err), 0);
	ck_assert(!vmm_disks_are_flushing(&rig.machine));
	ck_assert_int_eq(close(answer), 0);
	answer = -1;
}
END_TEST

START_TEST(flush_that_is_done_has_no_thread)
{
	ck_assert_int_eq(pthread_key_create(&thread_key, note_end), 0);
	has_thread_key = true;
	thread_ended = false;
	ck_assert_int_eq(vmm_disks_flush(&rig.machine, -1, 0, &rig.err), 0);
	ck_assert(__atomic_load_n(&thread_ended, __ATOMIC_RELAXED));
	has_thread_key = false;
	ck_assert_int_eq(pthread_key_delete(thread_key), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disks");
	TCase *tc = tcase_create("disks");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, accepts_the_disks_that_it_described);
	tcase_add_test(tc, accepts_larger_and_writable_disks);
	tcase_add_loop_test(tc, e2_19_refuses_any_disk_that_does_not_fit, 0,
			    sizeof(refused) / sizeof(*refused));
	tcase_add_test(tc, refuses_a_descriptor_for_two_disks);
	tcase_add_loop_test(tc, e2_19_refuses_read_only_memory_for_a_guest_that_stores_to_it, 0, 2);
	tcase_add_test(tc, e2_19_refuses_a_state_that_lacks_a_disk);
	tcase_add_test(tc, accepts_the_content_that_it_identified);
	tcase_add_test(tc, accepts_content_without_a_time);
	tcase_add_loop_test(tc, e3_28_refuses_content_that_differs_in_one_property, 0, 4);
	tcase_add_test(tc, e2_39_flush_that_hangs_ends_at_its_deadline);
	tcase_add_test(tc, flush_that_is_done_has_no_thread);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
