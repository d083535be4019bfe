/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a back-end that uses memory which has not arrived, in another thread with a
 * mapping of its own. Needs userfaultfd.
 */
#include <config.h>

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <vhost/frontend_device.h>
#include <vm-memory/userfault.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "cvmm/configuration.h"
#include "../owner.h"
#include "../back_end.h"
#include "migration/page_fetch.h"
#include "rig.h"
#include "virtio/remote.h"

static struct vmm_windows windows;
static struct vmm_memory memory;
static struct vmm_virtio_resources resources;
static struct vmm_virtio *virtio;
static struct vmem_map *map;
static struct vmm_stream here, there;
static struct vmm_page_fetch *fetch;
static unsigned int ended, losses, returns;
static struct vsu_error err;

static void on_lost(void *opaque, const struct vsu_error *why)
{
	(void)opaque;
	(void)why;
	losses++;
}

static void on_away(void *opaque, const struct vsu_error *why)
{
	on_lost(opaque, why);
}

static void on_back(void *opaque, enum virtdev_vhost_user_settings settings)
{
	(void)settings;
	(void)opaque;
	returns++;
}

static int add_faults(void *opaque, int fd, unsigned int *number, struct vsu_error *why)
{
	(void)opaque;
	(void)why;
	ck_assert_int_eq(vmem_userfault_adopt(fd), 0);
	return vmm_page_fetch_add(fetch, fd, number);
}

static int place_faults(void *opaque, unsigned int number,
			const struct vhost_user_placed_region *regions, unsigned int n)
{
	const struct vmm_fault_range range = {
		regions->gpa, regions->size, regions->address,
	};

	(void)opaque;
	ck_assert_uint_eq(n, 1);
	return vmm_page_fetch_set_ranges(fetch, number, &range, 1);
}

static void on_ended(void *opaque)
{
	ck_assert_ptr_eq(opaque, &ended);
	ended++;
}

static void on_fetch_lost(void *opaque, const struct vsu_error *why)
{
	(void)opaque;
	ck_abort_msg("%s", why->msg);
}

static void connect_to(bool postcopy, uint32_t reconnect_ms)
{
	struct vmm_device_spec spec = {
		.id = 26, .remote = true, .queues = 1, .config_size = 4,
		.reconnect_ms = reconnect_ms,
	};

	back_end_postcopy = postcopy;
	back_end_start(VQ_F_VERSION_1);
	vsu_error_clear(&err);
	ended = losses = returns = 0;
	strcpy(spec.socket, be.path);
	map = rig_map();
	memory.nblocks = 1;
	memory.blocks[0] = vmem_region_block(vmem_map_region(map, 0));
	windows.memory = &memory;
	resources.loop = loop_begin();
	resources.log = &tests_log;
	resources.shmem = &windows;
	resources.lost = on_lost;
	resources.away = on_away;
	resources.back = on_back;
	resources.postcopy = true;
	ck_assert_int_eq(vmm_virtio_remote(&resources, &spec, map, &virtio, &err), 0);
}

/* The page of the driver's ring, which this thread does not access. */
#define DRIVER_RING UINT64_C(0x2000)

/* That page is missing; the others do not exist: a fault gets zeros. */
static void begin_fetch(void)
{
	struct vmm_page_set set;
	int pair[2], fd = vmem_userfault_open(&err);

	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	vmm_stream_init(&here);
	vmm_stream_init(&there);
	here.fd = pair[0];
	there.fd = pair[1];
	ck_assert_int_eq(vmm_page_set_init(&set, &memory, NULL, 0, map, &err), 0);
	vmm_page_set_clear(&set);
	vmm_page_set_add(&set, DRIVER_RING, VMM_SET_PAGE);
	ck_assert_int_eq(vmm_page_fetch_new(&(struct vmm_page_fetch_config){
		.stream = &here, .missing = &set, .map = map, .fd = &fd,
		.lost = on_fetch_lost,
	}, &fetch, &err), 0);
	vmm_page_set_free(&set);
	ck_assert_int_eq(vmm_page_fetch_begin(fetch, &err), 0);
}

static int start_listening(void)
{
	const struct virtdev_page_faults to = {
		.add = add_faults, .place = place_faults, .ended = on_ended,
		.opaque = &ended,
	};

	return vmm_virtio_postcopy_listen(virtio, &to, &err);
}

static void teardown(void)
{
	vmm_virtio_free(virtio);
	vmm_page_fetch_free(fetch);
	fetch = NULL;
	vmm_stream_close(&here);
	vmm_stream_close(&there);
	back_end_free();
	vmem_map_unref(map);
	vsu_loop_free(resources.loop);
	vsu_fd_close(&said_fd);
}

START_TEST(back_end_without_pagefault_is_refused_by_name)
{
	connect_to(false, 0);
	ck_assert_int_eq(vmm_virtio_postcopy_advise(virtio, &err), -EOPNOTSUPP);
	ck_assert_ptr_nonnull(strstr(err.msg, be.path));
	ck_assert_ptr_nonnull(strstr(err.msg, "PAGEFAULT, which an option of its program may permit; migrate without"));
	ck_assert_uint_eq(err.arg, CVMM_ADVICE_POSTCOPY);
	teardown();
}
END_TEST

static bool has_input(void)
{
	struct pollfd p = { .fd = there.fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

/* This test is the source of the migration. */
static void send_zeros(uint64_t gpa)
{
	vmm_stream_begin(&there, "zeros");
	vsu_state_put_u64(&there.w, gpa);
	vsu_state_put_u64(&there.w, VMM_SET_PAGE);
	ck_assert_int_eq(vmm_stream_send(&there, &err), 0);
}

/* The back-end's thread reads the rings. */
START_TEST(page_for_which_a_back_end_waits_is_requested)
{
	struct vsu_state_section section;
	struct vsu_state_fields f;

	connect_to(true, 0);
	ck_assert_int_eq(vmm_virtio_postcopy_advise(virtio, &err), 0);
	begin_fetch();
	ck_assert_int_eq(start_listening(), 1);
	rig_start(virtio);
	vsu_event_signal(vmm_virtio_kick_fd(virtio, 0));
	while (!has_input())
		vsu_loop_dispatch(resources.loop);
	ck_assert_int_eq(vmm_stream_expect(&there, "want", &section, &err), 0);
	vmm_stream_fields(&section, &f);
	ck_assert_uint_eq(vsu_state_get_u64(&f), DRIVER_RING);
	send_zeros(DRIVER_RING);
	while (vmm_page_fetch_left(fetch))
		vsu_loop_dispatch(resources.loop);
	ck_assert_uint_eq(vmm_page_fetch_foreign(fetch), 1);
	vmm_virtio_postcopy_end(virtio);
	while (!ended)
		loop_once(resources.loop);
	teardown();
}
END_TEST

/* Another back-end would read zeros in place of missing pages. */
START_TEST(back_end_that_is_replaced_before_it_listens_is_refused)
{
	listen_to_stderr();
	connect_to(true, 10);
	ck_assert_int_eq(vmm_virtio_postcopy_advise(virtio, &err), 0);
	back_end_stop();
	while (!losses)
		loop_once(resources.loop);
	back_end_serve();
	while (!returns)
		loop_once(resources.loop);
	ck_assert_int_eq(start_listening(), -ECONNRESET);
	ck_assert_ptr_nonnull(strstr(err.msg, "was lost meanwhile"));
	teardown();
}
END_TEST

START_TEST(silent_back_end_is_refused)
{
	connect_to(true, 0);
	back_end_hold();
	ck_assert_int_lt(vmm_virtio_postcopy_advise(virtio, &err), 0);
	ck_assert_ptr_nonnull(strstr(err.msg, "POSTCOPY_ADVISE"));
	back_end_go_on();
	teardown();
}
END_TEST

int main(void)
{
	Suite *s;
	TCase *tc;
	int fd = vmem_userfault_open(NULL);

	if (fd < 0) {
		printf("1..0 # SKIP userfaultfd is not permitted: %s\n", strerror(-fd));
		return 0;
	}
	s = suite_create("remote_postcopy");
	tc = tcase_create("postcopy");
	vsu_fd_close(&fd);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, back_end_without_pagefault_is_refused_by_name);
	tcase_add_test(tc, page_for_which_a_back_end_waits_is_requested);
	tcase_add_test(tc, back_end_that_is_replaced_before_it_listens_is_refused);
	tcase_add_test(tc, silent_back_end_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
