/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about a device that continues in another process: its features, its state, and
 * the pipe or socket through which that moves.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <vhost/protocol.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "core/kept.h"
#include "../server-rig.h"
#include "../suite.h"

#define FEATURES (VQ_F_VERSION_1 | 1)	/* of the driver; the device has one more */

static struct model {
	uint64_t features;	/* of the driver, when the state was loaded */
	uint64_t now;
	uint32_t value;		/* the state, before as many bytes as padding */
	uint32_t padding;
	unsigned int pauses, resumes;
	bool loaded;
} model;

static unsigned int arms;	/* of the time limit of a transfer, and of others */

int __real_vsu_timer_arm(int fd, uint64_t ns);
int __wrap_vsu_timer_arm(int fd, uint64_t ns);
int __wrap_vsu_timer_arm(int fd, uint64_t ns)
{
	arms += ns > 0;
	return __real_vsu_timer_arm(fd, ns);
}

/* The operation of a model with its state in a file; NULL: the in-flight area's file has it. */
static bool (*apart)(void *self);

static struct server_side server;
static struct client_side client;

/* ------------------------------------------------------------------ the device */

static int model_features(void *self, uint64_t features, struct vsu_error *err)
{
	(void)self;
	(void)err;
	model.now = features;
	return 0;
}

static int model_start(void *self, uint32_t queue, struct vq *q,
		       struct vsu_error *err)
{
	(void)self;
	(void)queue;
	(void)q;
	(void)err;
	return 0;
}

static void model_pause(void *self)
{
	(void)self;
	model.pauses++;
}

static void model_resume(void *self)
{
	(void)self;
	model.resumes++;
}

static void model_save(void *self, struct virtdev_state_writer *w)
{
	uint32_t i;

	(void)self;
	virtdev_state_put_u32(w, model.value);
	for (i = 0; i < model.padding; i++)
		virtdev_state_put_u8(w, 1);
}

static int model_load(void *self, uint32_t version,
		      struct virtdev_state_reader *r, struct vsu_error *err)
{
	const uint32_t value = virtdev_state_get_u32(r);
	int rc = virtdev_state_end(r, err);

	(void)self;
	(void)version;
	if (rc < 0)
		return rc;
	model.value = value;
	model.features = model.now;
	model.loaded = true;
	return 0;
}

static struct virtdev *make_model(uint32_t value)
{
	static const struct virtdev_ops ops = {
		.size = sizeof(ops), .name = "model", .set_features = model_features,
		.queue_start = model_start, .pause = model_pause, .resume = model_resume,
		.state_version = 1, .state_save = model_save, .state_load = model_load,
	};
	const struct virtdev_info info = {
		.id = 4, .nqueues = QUEUES, .queue_size_max = 64,
		.features = FEATURES | 2 | VQ_F_INDIRECT_DESC,
	};
	struct virtdev *dev;

	memset(&model, 0, sizeof(model));
	model.value = value;
	ck_assert_int_eq(virtdev_new(&ops, &info, NULL, &dev, NULL), 0);
	if (apart)
		virtdev_priv_set_keeps_apart(dev, apart);
	else
		virtdev_set_keeps(dev);
	return dev;
}

/* ---------------------------------------------------------------- two processes */

static void setup(void)
{
	apart = NULL;
	client_returns = true;
	server_listen(&server, make_model(5), false);
	client_connect(&client, &server);
	pump(&client, &client.ready);
}

static void teardown(void)
{
	client_fini(&client);
	server_fini(&server);
}

/* Another process has the device, with another state, and the client connects to it. */
static void replace_back_end(const bool *until)
{
	client.back = false;
	server_fini(&server);
	server_listen(&server, make_model(1), false);
	pump(&client, until);
}

/* With the rings and the area of the last start. */
static void start_again(void)
{
	client.started = false;
	ck_assert_int_eq(vhost_user_frontend_start(client.fe, FEATURES | 2, NULL), 0);
	pump(&client, &client.started);
}

/* The state with this value, in the way of a front-end. */
static void load_value(int kind, uint32_t value)
{
	const uint32_t own = model.value;
	size_t len;
	void *bytes;
	int fds[2];

	model.value = value;
	ck_assert_int_eq(virtdev_state_take(server.dev, &bytes, &len, NULL), 0);
	model.value = own;
	client_state_pair(kind, fds);
	ck_assert_int_eq(vsu_fd_write_full(fds[1], bytes, len), len);
	close(fds[1]);
	ck_assert_int_eq(client_give(&client, true, fds[0]), 0);
	close(fds[0]);
	ck_assert_msg(client_result(&client) == 0, "%s", server.refusal.msg);
	free(bytes);
}

/* Reads all that the back-end writes. */
static int save(int kind)
{
	unsigned char bytes[256];
	int fds[2], rc;

	client_state_pair(kind, fds);
	ck_assert_int_eq(client_give(&client, false, fds[1]), 0);
	close(fds[1]);
	rc = client_result(&client);
	ck_assert_int_gt(vsu_fd_read_full(fds[0], bytes, sizeof(bytes)), 0);
	close(fds[0]);
	return rc;
}

/* -------------------------------------------------------------- features, state */

START_TEST(e3_21_replacement_continues_with_state_and_features_of_the_driver)
{
	client_start(&client, true);
	replace_back_end(&model.loaded);
	ck_assert_uint_eq(model.value, 5);
	ck_assert_uint_eq(model.features, FEATURES | 2);
	pump(&client, &client.back);
}
END_TEST

static bool continues(void *self)
{
	(void)self;
	return true;
}

static bool begins_anew(void *self)
{
	(void)self;
	return false;
}

START_TEST(e3_24_front_end_learns_whether_a_file_of_the_model_had_the_state)
{
	uint64_t loads;

	client_start(&client, true);
	apart = _i ? continues : begins_anew;
	replace_back_end(&client.back);
	ck_assert(!model.loaded);
	ck_assert(vhost_user_frontend_kept_loads(client.fe, &loads));
	ck_assert_uint_eq(loads, _i);
}
END_TEST

START_TEST(each_session_of_one_process_keeps_its_own_state)
{
	client_start(&client, true);
	model.value = 6;
	client_fini(&client);
	pump_server(&server, 1);
	client_connect(&client, &server);
	client_start(&client, true);
	ck_assert(!model.loaded);
	replace_back_end(&model.loaded);
	ck_assert_uint_eq(model.value, 6);
}
END_TEST

/* The present state is newer than the one that was left for another process. */
START_TEST(second_start_of_a_session_leaves_the_present_state)
{
	client_start(&client, true);
	client_stop(&client);
	model.value = 7;
	start_again();
	ck_assert(!model.loaded);
	replace_back_end(&model.loaded);
	ck_assert_uint_eq(model.value, 7);
}
END_TEST

START_TEST(state_of_the_front_end_wins_over_that_of_the_last_process)
{
	client_start(&client, true);
	client_stop(&client);
	replace_back_end(&client.back);
	load_value(_i, 9);
	start_again();
	ck_assert_uint_eq(model.value, 9);
}
END_TEST

START_TEST(save_does_not_hide_the_state_of_the_last_process)
{
	client_start(&client, true);
	client_stop(&client);
	replace_back_end(&client.back);
	ck_assert_int_eq(save(_i), 0);
	start_again();
	ck_assert_uint_eq(model.value, 5);
	ck_assert_uint_eq(model.features, FEATURES | 2);
}
END_TEST

/* A device of another process, whose guest does not run yet, has nothing to pause. */
START_TEST(only_a_save_pauses_the_device_until_its_queues_run)
{
	load_value(_i, 9);
	ck_assert_uint_eq(model.pauses, 0);
	ck_assert_int_eq(save(_i), 0);
	ck_assert_uint_eq(model.pauses, 1);
	ck_assert_uint_eq(model.resumes, 0);
	client_start(&client, true);
	ck_assert_uint_eq(model.resumes, 1);
}
END_TEST

/* --------------------------------------- a front-end that sends the area at first */

/* As QEMU does: before the features of the driver. */
struct other_front_end {
	int sock;
	struct vhost_user_inflight area;
	int fd;			/* of the area */
};

static void serve_all(void)
{
	while (virtdev_vhost_user_server_dispatch(server.server) > 0)
		;
}

/* Sends a request with a payload, and perhaps the area's descriptor. */
static void request(const struct other_front_end *o, uint32_t number, const void *payload,
		    uint32_t len, bool with_area)
{
	uint32_t header[3] = { number, 1, len };
	const struct iovec iov[] = {
		{ header, sizeof(header) }, { (void *)(uintptr_t)payload, len },
	};

	ck_assert_int_eq(vsu_sock_send(o->sock, iov, 2, &o->fd, with_area),
			 sizeof(header) + len);
	serve_all();
}

static void connect_other(struct other_front_end *o)
{
	const uint64_t inflight = UINT64_C(1) << VHOST_USER_PROTOCOL_F_INFLIGHT_SHMFD;

	o->sock = server_connect(&server);
	serve_all();
	request(o, VHOST_USER_SET_PROTOCOL_FEATURES, &inflight, sizeof(inflight), false);
}

/* The back-end makes the area. */
static void get_area(struct other_front_end *o)
{
	const struct vhost_user_inflight wanted = { .num_queues = QUEUES, .queue_size = 64 };
	uint32_t header[3];
	const struct iovec iov[] = {
		{ header, sizeof(header) }, { &o->area, sizeof(o->area) },
	};
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int n;

	request(o, VHOST_USER_GET_INFLIGHT_FD, &wanted, sizeof(wanted), false);
	ck_assert_int_eq(vsu_sock_recv(o->sock, iov, 2, fds, &n),
			 sizeof(header) + sizeof(o->area));
	ck_assert_uint_eq(n, 1);
	o->fd = fds[0];
}

static void send_area(struct other_front_end *o)
{
	request(o, VHOST_USER_SET_INFLIGHT_FD, &o->area, sizeof(o->area), true);
}

static void send_features(struct other_front_end *o)
{
	const uint64_t features = FEATURES;

	request(o, VHOST_USER_SET_FEATURES, &features, sizeof(features), false);
}

/* The state of a device is what its features make of it. */
START_TEST(state_waits_for_the_features_of_the_driver)
{
	struct other_front_end o = { .fd = -1 };

	server_listen(&server, make_model(5), false);
	connect_other(&o);
	get_area(&o);
	send_area(&o);
	send_features(&o);
	virtdev_keep(server.dev);
	close(o.sock);
	pump_server(&server, 1);
	model.value = 1;
	connect_other(&o);
	send_area(&o);
	ck_assert(!model.loaded);
	send_features(&o);
	ck_assert(model.loaded);
	ck_assert_uint_eq(model.value, 5);
	ck_assert_uint_eq(model.features, FEATURES);
	close(o.sock);
	close(o.fd);
	server_fini(&server);
}
END_TEST

/* ------------------------------------------------------------- pipes and sockets */

/*
 * Its reader may be a process that waits for this one. Each part that it reads renews
 * the time limit.
 */
START_TEST(state_longer_than_its_pipe_follows_the_reader)
{
	static unsigned char bytes[65536];
	size_t len = 0;
	ssize_t n;
	int fds[2];

	model.padding = 20000;
	ck_assert_int_eq(pipe2(fds, O_CLOEXEC), 0);
	ck_assert_int_ge(fcntl(fds[1], F_SETPIPE_SZ, 4096), 0);
	ck_assert_int_eq(client_give(&client, false, fds[1]), 0);
	close(fds[1]);
	ck_assert_int_eq(vsu_fd_set_nonblock(fds[0]), 0);
	arms = 0;
	while ((n = read(fds[0], bytes, sizeof(bytes))) != 0) {
		len += n > 0 ? (size_t)n : 0;
		pump(&client, NULL);
	}
	ck_assert_uint_gt(len, 20000);
	ck_assert_uint_ge(arms, 20000 / 4096);
	ck_assert_int_eq(client_result(&client), 0);
	close(fds[0]);
}
END_TEST

/* The writer may have written everything and closed its end. */
START_TEST(state_that_precedes_its_request_is_loaded)
{
	load_value(_i, 9);
	ck_assert_uint_eq(model.value, 9);
}
END_TEST

/* The front-end may wait for the rest of a pipe itself. */
START_TEST(descriptor_of_the_front_end_stays_blocking)
{
	int fds[2];

	client_state_pair(_i, fds);
	ck_assert_int_eq(client_give(&client, true, fds[0]), 0);
	ck_assert_int_eq(fcntl(fds[0], F_GETFL) & O_NONBLOCK, 0);
	close(fds[0]);
	close(fds[1]);
	ck_assert_int_lt(client_result(&client), 0);	/* a state of no bytes */
}
END_TEST

START_TEST(finished_transfer_keeps_no_descriptor)
{
	int fds, i;

	load_value(_i, 9);
	fds = vsu_fd_count();
	for (i = 0; i < 3; i++) {
		load_value(_i, 9);
		ck_assert_int_eq(save(_i), 0);
	}
	ck_assert_int_eq(vsu_fd_count(), fds);
}
END_TEST

/* The thread's signals are those that it had before: blocked or not, pending or not. */
START_TEST(lost_reader_changes_no_signal_of_the_thread)
{
	sigset_t set, now;
	int fds[2], code;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	pthread_sigmask(_i ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
	if (_i)
		raise(SIGPIPE);
	client_state_pair(0, fds);
	close(fds[0]);
	code = client_give(&client, false, fds[1]);
	close(fds[1]);
	ck_assert_int_eq(code < 0 ? code : client_result(&client), -EREMOTEIO);
	pthread_sigmask(SIG_BLOCK, &set, &now);
	ck_assert_int_eq(sigismember(&now, SIGPIPE), _i);
	sigpending(&now);
	ck_assert_int_eq(sigismember(&now, SIGPIPE), _i);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("continued");
	TCase *tc = tcase_create("continued");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, e3_21_replacement_continues_with_state_and_features_of_the_driver);
	tcase_add_loop_test(tc, e3_24_front_end_learns_whether_a_file_of_the_model_had_the_state, 0,
			    2);
	tcase_add_test(tc, each_session_of_one_process_keeps_its_own_state);
	tcase_add_test(tc, second_start_of_a_session_leaves_the_present_state);
	tcase_add_loop_test(tc, state_of_the_front_end_wins_over_that_of_the_last_process, 0, 2);
	tcase_add_loop_test(tc, save_does_not_hide_the_state_of_the_last_process, 0, 2);
	tcase_add_loop_test(tc, only_a_save_pauses_the_device_until_its_queues_run, 0, 2);
	tcase_add_loop_test(tc, state_that_precedes_its_request_is_loaded, 0, 2);
	tcase_add_test(tc, state_longer_than_its_pipe_follows_the_reader);
	tcase_add_loop_test(tc, descriptor_of_the_front_end_stays_blocking, 0, 2);
	tcase_add_loop_test(tc, finished_transfer_keeps_no_descriptor, 0, 2);
	tcase_add_loop_test(tc, lost_reader_changes_no_signal_of_the_thread, 0, 2);
	suite_add_tcase(s, tc);
	tc = tcase_create("other front-end");
	tcase_add_test(tc, state_waits_for_the_features_of_the_driver);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
