/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about front-end and back-end together, over a socketpair: once with
 * each on a thread of its own, once with both on one thread.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <virtio-queue/features.h>
#include <vm-memory/block.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "echo_client.h"
#include "echo_server.h"
#include "suite.h"

#define FEATURES (VQ_F_VERSION_1 | VQ_F_EVENT_IDX)
#define MIB (UINT64_C(1) << 20)
#define FAR (64 * MIB)

/* The index of a looped test. */
enum { ONE_THREAD, TWO_THREADS, WAYS };

static struct echo_server server;
static struct echo_client client;
static pthread_t thread;
static bool threaded;
static int fds_before, map_fd;

static void setup(void)
{
	fds_before = vsu_fd_count();
	map_fd = -1;
}

static void open_pair(int way, unsigned int nrings)
{
	int pair[2];

	threaded = way == TWO_THREADS;
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	echo_server_init(&server, pair[1], FEATURES, map_fd);
	echo_client_init(&client, pair[0], nrings, FEATURES);
	if (threaded)
		ck_assert_int_eq(pthread_create(&thread, NULL,
						echo_server_thread, &server), 0);
	else
		client.server = &server;
}

/* The client leaves; the server notices, and nothing remains. */
static void close_pair(void)
{
	echo_client_fini(&client);
	if (threaded)
		ck_assert_int_eq(pthread_join(thread, NULL), 0);
	else
		echo_server_thread(&server);
	ck_assert_int_eq(server.why, -ECONNRESET);
	vsu_fd_close(&map_fd);
	ck_assert_int_eq(vsu_fd_count(), fds_before);
}

START_TEST(requests_are_served_in_order_and_whole)
{
	open_pair(_i, 1);
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_run(&client, 0, 5000));
	close_pair();
	ck_assert_uint_eq(server.served, 5000);
}
END_TEST

START_TEST(rings_are_served_beside_each_other)
{
	unsigned int round, ring;

	open_pair(_i, ECHO_RINGS);
	ck_assert(echo_client_start(&client));
	for (round = 0; round < 20; round++)
		for (ring = 0; ring < ECHO_RINGS; ring++)
			ck_assert(echo_client_run(&client, ring, 50 + ring));
	close_pair();
}
END_TEST

START_TEST(stopped_rings_go_on_where_they_stopped)
{
	unsigned int round;

	open_pair(_i, 2);
	for (round = 1; round <= 5; round++) {
		ck_assert(echo_client_start(&client));
		ck_assert(echo_client_run(&client, 0, 100));
		ck_assert(echo_client_run(&client, 1, 33));
		ck_assert(echo_client_stop(&client));
		ck_assert_uint_eq(client.bases[0], 100 * round);
		ck_assert_uint_eq(client.bases[1], 33 * round);
	}
	close_pair();
}
END_TEST

START_TEST(e1_22_memory_comes_and_goes_while_rings_run)
{
	struct vmem_map *small;
	unsigned int round;

	open_pair(_i, 1);
	ck_assert(echo_client_start(&client));
	small = vmem_map_ref(client.map);
	for (round = 0; round < 10; round++) {
		client.memory = false;
		echo_client_grow(&client, FAR, MIB);
		ck_assert_int_eq(vhost_user_frontend_set_memory(
					 client.fe, client.map, NULL), 0);
		ck_assert(echo_client_run(&client, 0, 100));
		ck_assert(echo_client_wait(&client, &client.memory));
		ck_assert_int_eq(client.memory_code, 0);
		client.memory = false;
		vmem_map_unref(client.map);
		client.map = vmem_map_ref(small);
		ck_assert_int_eq(vhost_user_frontend_set_memory(
					 client.fe, client.map, NULL), 0);
		ck_assert(echo_client_run(&client, 0, 100));
		ck_assert(echo_client_wait(&client, &client.memory));
	}
	vmem_map_unref(small);
	close_pair();
}
END_TEST

START_TEST(configuration_is_written_and_read_back)
{
	open_pair(_i, 1);
	ck_assert(echo_client_start(&client));
	ck_assert_int_eq(vhost_user_frontend_set_config(client.fe, 5, "house", 5,
							false, NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_get_config(client.fe, 0,
							ECHO_CONFIG, NULL), 0);
	ck_assert(echo_client_wait(&client, &client.config));
	ck_assert_uint_eq(client.config_len, ECHO_CONFIG);
	ck_assert_int_eq(memcmp(client.config_bytes + 5, "house", 5), 0);
	close_pair();
}
END_TEST

START_TEST(configuration_beyond_the_device_is_read_and_no_end)
{
	open_pair(_i, 1);
	ck_assert(echo_client_start(&client));
	ck_assert_int_eq(vhost_user_frontend_get_config(client.fe, 0, 200, NULL),
			 0);
	ck_assert(echo_client_wait(&client, &client.config));
	ck_assert_uint_eq(client.config_len, 200);
	ck_assert(echo_client_run(&client, 0, 10));
	close_pair();
}
END_TEST

START_TEST(call_replaced_while_running_is_used_from_then_on)
{
	int former;

	open_pair(_i, 1);
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_run(&client, 0, 10));
	former = client.rings[0].call_fd;
	client.rings[0].call_fd = vsu_event_new();
	ck_assert_int_eq(vhost_user_frontend_set_call(
				 client.fe, 0, client.rings[0].call_fd, NULL), 0);
	vsu_fd_close(&former);
	ck_assert(echo_client_run(&client, 0, 500));
	close_pair();
}
END_TEST

START_TEST(front_end_that_leaves_while_rings_run_costs_nothing)
{
	open_pair(_i, ECHO_RINGS);
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_run(&client, 3, 7));
	close_pair();
}
END_TEST

START_TEST(front_end_that_leaves_during_its_handshake_costs_nothing)
{
	open_pair(_i, 1);
	close_pair();
}
END_TEST

START_TEST(config_change_is_told)
{
	open_pair(ONE_THREAD, 1);
	ck_assert(echo_client_start(&client));
	ck_assert_int_eq(vhost_user_backend_config_changed(server.b), 0);
	ck_assert_int_eq(vhost_user_backend_config_changed(server.b), 0);
	ck_assert(echo_client_wait(&client, &client.changed));
	ck_assert(echo_client_run(&client, 0, 10));
	close_pair();
}
END_TEST

START_TEST(reset_device_starts_anew)
{
	open_pair(ONE_THREAD, 1);
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_run(&client, 0, 10));
	ck_assert(echo_client_stop(&client));
	ck_assert_int_eq(vhost_user_frontend_reset(client.fe, NULL), 0);
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_run(&client, 0, 10));
	ck_assert_uint_eq(server.resets, 1);
	close_pair();
}
END_TEST

/* ------------------------------------------------------------ a forged ring */

/* IDs and indexes that no request of this test has. */
static const struct {
	uint32_t id;
	uint16_t idx;
} forged[] = {
	{ 0xfffffff0, 1 }, { ECHO_RING_SIZE, 1 }, { 5, 1 }, { 0x10000, 1 },
	{ 0, ECHO_RING_SIZE + 1 }, { 0, 0xffff },
};

static unsigned char *used_ring(void)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(client.map), &hint,
				   vq_driver_device_gpa(client.rings[0].driver),
				   12, VMEM_WRITE);
}

START_TEST(c1_17_forged_used_entry_is_no_index_of_ours)
{
	unsigned char *used;
	uint64_t cookie;
	uint32_t written;

	open_pair(ONE_THREAD, 1);
	ck_assert(echo_client_start(&client));
	used = used_ring();
	memcpy(used + 4, &forged[_i].id, sizeof(forged[_i].id));
	memcpy(used + 2, &forged[_i].idx, sizeof(forged[_i].idx));
	ck_assert_int_eq(vq_driver_collect(client.rings[0].driver, &cookie,
					   &written), -EBADMSG);
	memset(used, 0, 12);
	ck_assert_int_eq(vq_driver_collect(client.rings[0].driver, &cookie,
					   &written), -EBADMSG);
	close_pair();
}
END_TEST

/* --------------------------------------------------------- shared memory */

#define FILE_PAGES 8u

/* Every page of the file begins with its number. */
static void make_file(void)
{
	uint32_t i;

	map_fd = memfd_create("window", MFD_CLOEXEC);
	ck_assert_int_eq(ftruncate(map_fd, FILE_PAGES * ECHO_PAGE), 0);
	for (i = 0; i < FILE_PAGES; i++)
		ck_assert_int_eq(pwrite(map_fd, &i, sizeof(i), i * ECHO_PAGE),
				 sizeof(i));
}

START_TEST(ring_that_starts_maps_its_file_into_the_window)
{
	uint32_t first, written = 0x5eed;

	make_file();
	open_pair(_i, 1);
	ck_assert(echo_client_start(&client));
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(client.fe, 0),
			  ECHO_WINDOW);
	ck_assert(echo_client_wait(&client, &client.mapped));
	ck_assert_uint_eq(vmem_block_len(client.mapping), ECHO_MAPPED);
	memcpy(&first, vmem_block_hva(client.mapping), sizeof(first));
	ck_assert_uint_eq(first, 1);
	memcpy(vmem_block_hva(client.mapping) + 4, &written, sizeof(written));
	ck_assert_int_eq(pread(map_fd, &first, sizeof(first), ECHO_PAGE + 4),
			 sizeof(first));
	ck_assert_uint_eq(first, written);
	ck_assert(echo_client_run(&client, 0, 100));
	close_pair();
	ck_assert_uint_eq(server.answers, 1);
	ck_assert_int_eq(server.answer, 0);
}
END_TEST

START_TEST(mapping_outlives_a_stop_and_goes_with_a_reset)
{
	make_file();
	open_pair(ONE_THREAD, 1);
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_wait(&client, &client.mapped));
	ck_assert(echo_client_stop(&client));
	ck_assert(client.mapped);
	ck_assert_int_eq(vhost_user_frontend_reset(client.fe, NULL), 0);
	ck_assert(!client.mapped);
	close_pair();
}
END_TEST

START_TEST(unmap_is_answered_when_the_client_lets_go)
{
	const struct vhost_user_shmem_request request = { .len = ECHO_MAPPED };

	make_file();
	open_pair(ONE_THREAD, 1);
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_wait(&client, &client.mapped));
	ck_assert(echo_client_run(&client, 0, 10));
	server.answered = false;
	client.hold = true;
	ck_assert_int_eq(vhost_user_backend_shmem_unmap(server.b, &request, 2,
							NULL), 0);
	ck_assert(echo_client_run(&client, 0, 100));
	ck_assert(!server.answered);
	client.mapping = vmem_block_unref(client.mapping);
	ck_assert(echo_client_wait(&client, &server.answered));
	ck_assert_int_eq(server.answer, 0);
	close_pair();
}
END_TEST

/* Sets a log of size bytes in a file of file_size bytes, which is returned. */
static int set_log(uint64_t file_size, uint64_t size)
{
	int fd = memfd_create("log", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)file_size), 0);
	ck_assert_int_eq(vhost_user_frontend_set_log(client.fe, fd, size, 0,
						     NULL), 0);
	return fd;
}

START_TEST(log_that_the_back_end_cannot_map_ends_the_session)
{
	const bool never = false;
	int fd;

	open_pair(_i, 1);
	ck_assert(echo_client_start(&client));
	fd = set_log(0, MIB);
	ck_assert(!echo_client_wait(&client, &never));
	ck_assert_ptr_nonnull(strstr(client.err.msg, "SET_FEATURES"));
	vsu_fd_close(&fd);
	close_pair();
}
END_TEST

/* The log suffices for the new memory, but not for that of the last start. */
START_TEST(log_is_set_with_memory_that_became_smaller)
{
	unsigned char bits[64] = { 0 };
	struct vmem_map *small;
	int fd;

	open_pair(_i, 1);
	small = vmem_map_ref(client.map);
	echo_client_grow(&client, FAR, MIB);
	ck_assert(echo_client_start(&client));
	ck_assert(echo_client_stop(&client));
	vmem_map_unref(client.map);
	client.map = small;
	ck_assert_int_eq(vhost_user_frontend_set_memory(client.fe, small, NULL), 0);
	fd = set_log(sizeof(bits), sizeof(bits));
	ck_assert_msg(echo_client_start(&client), "%s", client.err.msg);
	ck_assert(echo_client_run(&client, 0, 100));
	ck_assert(echo_client_stop(&client));
	ck_assert_int_eq(pread(fd, bits, sizeof(bits), 0), sizeof(bits));
	ck_assert_uint_ne(bits[0], 0);
	vsu_fd_close(&fd);
	close_pair();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost-pair");
	TCase *tc = tcase_create("pair");

	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_set_timeout(tc, 120);
	tcase_add_loop_test(tc, requests_are_served_in_order_and_whole, 0, WAYS);
	tcase_add_loop_test(tc, rings_are_served_beside_each_other, 0, WAYS);
	tcase_add_loop_test(tc, stopped_rings_go_on_where_they_stopped, 0, WAYS);
	tcase_add_loop_test(tc, e1_22_memory_comes_and_goes_while_rings_run, 0, WAYS);
	tcase_add_loop_test(tc, configuration_is_written_and_read_back, 0, WAYS);
	tcase_add_loop_test(tc, configuration_beyond_the_device_is_read_and_no_end,
			    0, WAYS);
	tcase_add_loop_test(tc, call_replaced_while_running_is_used_from_then_on,
			    0, WAYS);
	tcase_add_loop_test(tc, front_end_that_leaves_while_rings_run_costs_nothing,
			    0, WAYS);
	tcase_add_loop_test(tc, front_end_that_leaves_during_its_handshake_costs_nothing,
			    0, WAYS);
	tcase_add_test(tc, config_change_is_told);
	tcase_add_test(tc, reset_device_starts_anew);
	tcase_add_loop_test(tc, c1_17_forged_used_entry_is_no_index_of_ours, 0,
			    (int)(sizeof(forged) / sizeof(forged[0])));
	tcase_add_loop_test(tc, ring_that_starts_maps_its_file_into_the_window,
			    0, WAYS);
	tcase_add_test(tc, mapping_outlives_a_stop_and_goes_with_a_reset);
	tcase_add_test(tc, unmap_is_answered_when_the_client_lets_go);
	tcase_add_loop_test(tc, log_that_the_back_end_cannot_map_ends_the_session,
			    0, WAYS);
	tcase_add_loop_test(tc, log_is_set_with_memory_that_became_smaller, 0, WAYS);
	return run_suite(s);
}
