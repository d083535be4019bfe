/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Claims about a device's state that moves through a vhost-user socket. */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <virtio-devices/blk_layout.h>
#include <vmm-sys-util/fd.h>

#include "../fake-disk.h"
#include "../server-rig.h"
#include "../suite.h"

#define WRITEBACK 32u	/* offset in the configuration space */

static struct fake_disk disk;
static struct server_side server;
static struct client_side client;

static struct virtdev *make_disk(struct fake_disk *f)
{
	struct virtdev_blk_config config = {
		.size = sizeof(config), .nqueues = QUEUES,
	};
	struct virtdev *dev = NULL;

	fake_disk_init(f);
	fake_disk_make(f);
	config.disk = f->disk;
	ck_assert_int_eq(virtdev_blk_new(&config, &dev, NULL), 0);
	return dev;
}

static void setup(void)
{
	server_listen(&server, make_disk(&disk), false);
	client_connect(&client, &server);
	pump(&client, &client.ready);
}

static void setup_impatient(void)
{
	server_silence_ns = 20000000;
	setup();
}

static void teardown(void)
{
	client_fini(&client);
	server_fini(&server);
	fake_disk_fini(&disk);
}

static unsigned char writeback_of(struct virtdev *dev)
{
	unsigned char byte;

	virtdev_config_read(dev, WRITEBACK, &byte, 1);
	return byte;
}

/* State of a disk without a server, whose driver selected write-through. */
static void *state_of_other(size_t *len)
{
	const unsigned char off = 0;
	struct fake_disk other;
	struct virtdev *dev = make_disk(&other);
	void *bytes;

	ck_assert_int_eq(virtdev_set_features(dev, VQ_F_VERSION_1 |
			VIRTDEV_BLK_F_FLUSH | VIRTDEV_BLK_F_CONFIG_WCE, NULL),
			0);
	ck_assert_int_eq(virtdev_config_write(dev, WRITEBACK, &off, 1), 0);
	ck_assert_int_eq(virtdev_state_take(dev, &bytes, len, NULL), 0);
	virtdev_free(dev);
	fake_disk_fini(&other);
	return bytes;
}

static int load(int kind, const void *bytes, size_t len)
{
	int fds[2];

	client_state_pair(kind, fds);
	ck_assert_int_eq(client_give(&client, true, fds[0]), 0);
	close(fds[0]);
	ck_assert_int_eq(vsu_fd_write_full(fds[1], bytes, len), len);
	close(fds[1]);
	return client_result(&client);
}

START_TEST(state_of_another_disk_is_loaded_through_the_socket)
{
	size_t len;
	void *bytes = state_of_other(&len);

	ck_assert_uint_eq(writeback_of(server.dev), 1);
	ck_assert_int_eq(load(_i, bytes, len), 0);
	ck_assert_uint_eq(writeback_of(server.dev), 0);
	free(bytes);
}
END_TEST

/* The request was valid, but its bytes arrive after a ring has started. */
START_TEST(b4_15_state_that_arrives_while_rings_run_is_refused)
{
	unsigned int turns;
	int fds[2];
	size_t len;
	void *bytes = state_of_other(&len);

	client_state_pair(_i, fds);
	ck_assert_int_eq(client_give(&client, true, fds[0]), 0);
	close(fds[0]);
	client_start(&client, true);
	ck_assert_int_eq(vsu_fd_write_full(fds[1], bytes, len), len);
	close(fds[1]);
	for (turns = 0; turns < 16 && !server.refused; turns++)
		pump(&client, NULL);
	ck_assert_uint_eq(writeback_of(server.dev), 1);
	ck_assert_int_eq(server.refusal.code, -EBUSY);
	ck_assert_int_eq(client_do(&client, VIRTDEV_BLK_T_IN, 0), 0);
	client_stop(&client);
	ck_assert_int_lt(client_result(&client), 0);
	free(bytes);
}
END_TEST

START_TEST(b4_18_reset_ends_a_transfer)
{
	int before, fds[2];

	before = vsu_fd_count();
	client_state_pair(_i, fds);
	ck_assert_int_eq(client_give(&client, true, fds[0]), 0);
	close(fds[0]);
	ck_assert_int_eq(vhost_user_frontend_reset(client.fe, NULL), 0);
	client.configured = false;
	ck_assert_int_eq(vhost_user_frontend_get_config(client.fe, 0, 8, NULL), 0);
	pump(&client, &client.configured);
	close(fds[1]);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(state_saved_through_the_socket_equals_that_of_other_servers)
{
	unsigned char read_bytes[256];
	size_t len, other_len;
	void *bytes = state_of_other(&other_len);
	ssize_t n;
	int fds[2];

	ck_assert_int_eq(load(_i, bytes, other_len), 0);
	client_state_pair(_i, fds);
	ck_assert_int_eq(client_give(&client, false, fds[1]), 0);
	close(fds[1]);
	ck_assert_int_eq(client_result(&client), 0);
	n = vsu_fd_read_full(fds[0], read_bytes, sizeof(read_bytes));
	ck_assert_int_gt(n, 0);
	len = (size_t)n;
	ck_assert_uint_eq(len, other_len);
	ck_assert_mem_eq(read_bytes, bytes, len);
	close(fds[0]);
	free(bytes);
}
END_TEST

START_TEST(disk_works_after_its_state_was_saved_or_loaded)
{
	size_t len;
	void *bytes = state_of_other(&len);

	ck_assert_int_eq(load(_i, bytes, len), 0);
	client_start(&client, true);
	ck_assert_int_eq(client_do(&client, VIRTDEV_BLK_T_IN, 0), 0);
	client_stop(&client);
	free(bytes);
}
END_TEST

static uint64_t stat_of(const char *name)
{
	struct virtdev_stat stats[16];
	uint32_t i, n = virtdev_stats(server.dev, stats, 16);

	ck_assert_uint_le(n, 16);
	for (i = 0; i < n && strcmp(stats[i].name, name); i++)
		;
	ck_assert_uint_lt(i, n);
	return stats[i].value;
}

START_TEST(statistics_can_be_read_while_queues_run)
{
	client_start(&client, true);
	ck_assert_uint_eq(stat_of("reads"), 0);
	client_do(&client, VIRTDEV_BLK_T_IN, 0);
	client_do(&client, VIRTDEV_BLK_T_OUT, 1);
	client_do(&client, VIRTDEV_BLK_T_IN, FAKE_SECTORS);
	client_do(&client, 77, 0);
	ck_assert_uint_eq(stat_of("reads"), 1);
	ck_assert_uint_eq(stat_of("bytes-read"), 512);
	ck_assert_uint_eq(stat_of("writes"), 1);
	ck_assert_uint_eq(stat_of("bytes-written"), 512);
	ck_assert_uint_eq(stat_of("failed"), 2);
	client_stop(&client);
	ck_assert_uint_eq(stat_of("reads"), 1);
}
END_TEST

START_TEST(invalid_state_is_refused_and_changes_nothing)
{
	size_t len;
	unsigned char *bytes = state_of_other(&len);

	ck_assert_int_lt(load(_i, bytes, len - 1), 0);
	ck_assert_int_lt(load(_i, "", 0), 0);
	bytes[len - 1] = 9;
	ck_assert_int_lt(load(_i, bytes, len), 0);
	ck_assert_uint_eq(writeback_of(server.dev), 1);
	free(bytes);
}
END_TEST

START_TEST(endless_stream_is_refused_at_the_maximum)
{
	const size_t len = 2 * VIRTDEV_STATE_MAX;
	int fd = memfd_create("state", MFD_CLOEXEC);

	ck_assert_int_eq(ftruncate(fd, (off_t)len), 0);
	ck_assert_int_eq(client_give(&client, true, fd), 0);
	ck_assert_int_lt(client_result(&client), 0);
	close(fd);
}
END_TEST

/* Without SIGPIPE, which would end this process. */
START_TEST(lost_reader_is_an_error_of_the_transfer)
{
	int fds[2], rc;

	client_state_pair(_i, fds);
	close(fds[0]);
	rc = client_give(&client, false, fds[1]);
	close(fds[1]);
	ck_assert_int_lt(rc < 0 ? rc : client_result(&client), 0);
}
END_TEST

/* A silent writer does not keep the device from the next session. */
START_TEST(stalled_stream_ends_with_its_session)
{
	int fds[2], before;

	before = vsu_fd_count();
	client_state_pair(_i, fds);
	ck_assert_int_eq(client_give(&client, true, fds[0]), 0);
	ck_assert_int_eq(vhost_user_frontend_check_state(client.fe, NULL), 0);
	close(fds[0]);
	client_fini(&client);
	pump_server(&server, 1);
	close(fds[1]);
	client_connect(&client, &server);
	pump(&client, &client.ready);
	ck_assert_int_eq(vsu_fd_count(), before);
}
END_TEST

START_TEST(second_transfer_replaces_the_first)
{
	size_t len;
	void *bytes = state_of_other(&len);
	int fds[2];

	client_state_pair(_i, fds);
	ck_assert_int_eq(client_give(&client, true, fds[0]), 0);
	close(fds[0]);
	ck_assert_int_eq(load(_i, bytes, len), 0);
	ck_assert_uint_eq(writeback_of(server.dev), 0);
	close(fds[1]);
	free(bytes);
}
END_TEST

/* a model that loads its state slowly */

static struct {
	unsigned int turns, given_up;
	bool may_finish;
} slow;

static int slow_load(void *self, uint32_t version,
		     struct virtdev_state_reader *reader, struct vsu_error *err)
{
	(void)self;
	(void)version;
	(void)reader;
	(void)err;
	return 1;
}

static int slow_turn(void *self, struct virtdev_state_reader *reader,
		     struct vsu_error *err)
{
	(void)self;
	(void)err;
	slow.turns++;
	slow.given_up += !reader;
	return !slow.may_finish;
}

static const struct virtdev_ops slow_ops = {
	.size = sizeof(slow_ops), .name = "slow",
	.state_load = slow_load, .state_load_turn = slow_turn,
};

static const struct virtdev_info slow_info = {
	.id = 2, .nqueues = QUEUES, .queue_size_max = 64, .config_size = 60,
	.features = VQ_F_VERSION_1,
};

static struct virtdev *make_slow(void)
{
	struct virtdev *dev = NULL;
	struct vsu_error err;

	memset(&slow, 0, sizeof(slow));
	ck_assert_int_eq(virtdev_new(&slow_ops, &slow_info, NULL, &dev, &err),
			 0);
	return dev;
}

/* The front-end has sent the state; the device is loading it. */
static void give_slow_state(void)
{
	struct virtdev *other = make_slow();
	int fd = memfd_create("state", MFD_CLOEXEC);
	size_t len;
	void *bytes;

	server_listen(&server, make_slow(), false);
	client_connect(&client, &server);
	pump(&client, &client.ready);
	ck_assert_int_eq(virtdev_state_take(other, &bytes, &len, NULL), 0);
	ck_assert_int_eq(vsu_fd_write_full(fd, bytes, len), len);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_assert_int_eq(client_give(&client, true, fd), 0);
	close(fd);
	free(bytes);
	virtdev_free(other);
}

START_TEST(session_is_served_while_its_device_loads_a_state)
{
	give_slow_state();
	client.configured = false;
	ck_assert_int_eq(vhost_user_frontend_get_config(client.fe, 0, 8, NULL),
			 0);
	pump(&client, &client.configured);
	ck_assert_uint_ge(slow.turns, 1);
	slow.may_finish = true;
	ck_assert_int_eq(client_result(&client), 0);
	ck_assert_uint_eq(slow.given_up, 0);
	client_fini(&client);
	server_fini(&server);
}
END_TEST

START_TEST(end_of_the_session_aborts_a_load)
{
	give_slow_state();
	client_fini(&client);
	pump_server(&server, 1);
	ck_assert_uint_eq(slow.given_up, 1);
	server_fini(&server);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("state");
	TCase *tc = tcase_create("state"), *slow_tc = tcase_create("slow");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(slow_tc, session_is_served_while_its_device_loads_a_state);
	tcase_add_test(slow_tc, end_of_the_session_aborts_a_load);
	suite_add_tcase(s, slow_tc);
	tcase_add_loop_test(tc,
		state_of_another_disk_is_loaded_through_the_socket, 0, 2);
	tcase_add_loop_test(tc,
		b4_15_state_that_arrives_while_rings_run_is_refused, 0, 2);
	tcase_add_loop_test(tc, b4_18_reset_ends_a_transfer, 0, 2);
	tcase_add_loop_test(tc,
		state_saved_through_the_socket_equals_that_of_other_servers,
		0, 2);
	tcase_add_loop_test(tc, disk_works_after_its_state_was_saved_or_loaded,
			    0, 2);
	tcase_add_loop_test(tc,
		invalid_state_is_refused_and_changes_nothing, 0, 2);
	tcase_add_test(tc, statistics_can_be_read_while_queues_run);
	tcase_add_test(tc, endless_stream_is_refused_at_the_maximum);
	tcase_add_loop_test(tc,
		lost_reader_is_an_error_of_the_transfer, 0, 2);
	tcase_add_loop_test(tc, second_transfer_replaces_the_first, 0,
			    2);
	suite_add_tcase(s, tc);
	tc = tcase_create("impatient");
	tcase_add_checked_fixture(tc, setup_impatient, teardown);
	tcase_add_loop_test(tc, stalled_stream_ends_with_its_session,
			    0, 2);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
