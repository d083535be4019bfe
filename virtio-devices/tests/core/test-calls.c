/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about the operations of a model that each server calls, and their
 * order, as listed in docs/device-calls.md.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <vhost/frontend_device.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/fd.h>

#include "../guest.h"
#include "../server-rig.h"
#include "../suite.h"
#include "../transport/registers.h"

#define STOPPED "drain0 stop0 drain1 stop1 "
#define RUNNING 15u

static char calls[512];
static struct vq *queues[QUEUES];
static struct virtdev *device;	/* behind a socket */
static int refusal;		/* of a start; 0: none */

/* ----------------------------------------------------------------- the model */

static void record(const char *call)
{
	ck_assert_uint_lt(strlen(calls) + strlen(call) + 2, sizeof(calls));
	strcat(strcat(calls, call), " ");
}

static void record_queue(const char *call, uint32_t queue)
{
	char text[32];

	snprintf(text, sizeof(text), "%s%u", call, (unsigned int)queue);
	record(text);
}

static int on_features(void *self, uint64_t features, struct vsu_error *err)
{
	(void)self;
	(void)features;
	(void)err;
	record("features");
	return 0;
}

static int on_start(void *self, uint32_t queue, struct vq *q,
		    struct vsu_error *err)
{
	(void)self;
	(void)err;
	if (refusal)
		return refusal;
	queues[queue] = q;
	record_queue("start", queue);
	return 0;
}

static int on_drain(void *self, uint32_t queue)
{
	(void)self;
	record_queue("drain", queue);
	return 0;
}

static void on_stop(void *self, uint32_t queue)
{
	(void)self;
	queues[queue] = NULL;
	record_queue("stop", queue);
}

static void on_queue_reset(void *self, uint32_t queue)
{
	(void)self;
	record_queue("reset", queue);
}

/* Completes every chain. */
static int on_serve(void *self, uint32_t queue)
{
	struct iovec iov[4];
	struct vq_chain chain = { .iov = iov, .iov_max = 4 };

	(void)self;
	while (vq_pop(queues[queue], &chain) == 1)
		vq_push(queues[queue], &chain, 0);
	if (vq_publish(queues[queue]))
		virtdev_notify(device, queue);
	return 0;
}

static int on_reset_turn(void *self)
{
	(void)self;
	record("reset_turn");
	return 0;
}

static void on_reset(void *self)
{
	(void)self;
	record("reset");
}

static void on_pause(void *self)
{
	(void)self;
	record("pause");
}

static void on_resume(void *self)
{
	(void)self;
	record("resume");
}

static void on_save(void *self, struct virtdev_state_writer *w)
{
	(void)self;
	record("save");
	virtdev_state_put_u32(w, 42);
}

static int on_load(void *self, uint32_t version, struct virtdev_state_reader *r,
		   struct vsu_error *err)
{
	(void)self;
	(void)version;
	record("load");
	ck_assert_uint_eq(virtdev_state_get_u32(r), 42);
	return virtdev_state_end(r, err);
}

static const struct virtdev_ops model = {
	.size = sizeof(model), .name = "calls", .set_features = on_features,
	.queue_start = on_start, .queue_drain = on_drain,
	.queue_stop = on_stop, .queue_reset = on_queue_reset,
	.queue_serve = on_serve, .reset_turn = on_reset_turn, .reset = on_reset,
	.pause = on_pause, .resume = on_resume, .state_save = on_save,
	.state_load = on_load, .state_version = 1,
};

static const struct virtdev_info info = {
	.id = 42, .nqueues = QUEUES, .queue_size_max = RING_SIZE,
	.features = VQ_F_VERSION_1 | VQ_F_EVENT_IDX,
};

/* All calls since the last expectation. */
static void expect(const char *wanted)
{
	ck_assert_str_eq(calls, wanted);
	calls[0] = 0;
}

/* ------------------------------------------------------------- an inline server */

struct machine {
	struct transport_rig d;
	struct virtdev_server *server;
};

static const struct register_set *const registers[] = {
	&mmio_registers, &pci_registers,
};
static struct guest guest;
static struct machine machine;
static struct vq_driver *drivers[QUEUES];

static void make_machine(struct machine *m, int i)
{
	transport_rig_init(&m->d, registers[i], &model, &info, NULL, NULL);
	ck_assert_int_eq(virtdev_inline_new(m->d.t, guest.space, NULL, NULL, &m->server,
					    NULL), 0);
}

static void free_machine(struct machine *m)
{
	while (virtdev_server_stop(m->server))
		virtdev_server_dispatch(m->server);
	virtdev_server_free(m->server);
	transport_rig_fini(&m->d);
}

static void set(enum field field, uint64_t value)
{
	transport_rig_set(&machine.d, field, value);
}

static void make_ready(uint32_t i)
{
	struct vq_driver_config config = {
		.map = guest.map, .gpa = GUEST_RING + i * 0x4000,
		.features = VQ_F_VERSION_1, .size = RING_SIZE,
	};

	vq_driver_free(drivers[i]);
	ck_assert_int_eq(vq_driver_new(&config, &drivers[i], NULL), 0);
	set(QUEUE_SEL, i);
	set(QUEUE_SIZE, RING_SIZE);
	set(DESC_LOW, vq_driver_desc_gpa(drivers[i]));
	set(DRIVER_LOW, vq_driver_driver_gpa(drivers[i]));
	set(DEVICE_LOW, vq_driver_device_gpa(drivers[i]));
	set(QUEUE_READY, 1);
}

static void negotiate(uint64_t features)
{
	set(STATUS, 3);
	set(WANTED_SEL, 1);
	set(WANTED_WORD, features >> 32);
	set(STATUS, 11);
}

static void start_machine(void)
{
	negotiate(VQ_F_VERSION_1 | VQ_F_RING_RESET);
	expect("features ");
	make_ready(0);
	make_ready(1);
	expect("");
	set(STATUS, RUNNING);
	expect("start0 start1 ");
}

/* A step on a slow host may end before all queues stopped. */
static void pause_machine(void)
{
	while (virtdev_server_pause(machine.server, false, NULL))
		virtdev_server_dispatch(machine.server);
}

static void reset_machine(void)
{
	set(STATUS, 0);
	while (virtdev_transport_is_resetting(machine.d.t))
		virtdev_server_dispatch(machine.server);
}

static void setup_inline(int i)
{
	calls[0] = 0;
	guest_init_memory(&guest);
	make_machine(&machine, i);
}

static void teardown_inline(void)
{
	uint32_t i;

	free_machine(&machine);
	for (i = 0; i < QUEUES; i++) {
		vq_driver_free(drivers[i]);
		drivers[i] = NULL;
	}
	guest_fini(&guest);
}

START_TEST(inline_reset_stops_the_queues_and_resets)
{
	setup_inline(_i);
	start_machine();
	reset_machine();
	expect(STOPPED "reset_turn reset ");
	start_machine();
	teardown_inline();
	expect(STOPPED);
}
END_TEST

START_TEST(inline_queue_reset_stops_and_starts_one_queue)
{
	setup_inline(_i);
	start_machine();
	set(QUEUE_SEL, 1);
	set(QUEUE_RESET, 1);
	expect("drain1 stop1 reset1 ");
	make_ready(1);
	expect("start1 ");
	teardown_inline();
}
END_TEST

START_TEST(inline_pause_stops_the_queues_and_pauses)
{
	void *bytes;
	size_t len;

	setup_inline(_i);
	start_machine();
	pause_machine();
	expect(STOPPED "pause ");
	ck_assert_int_eq(virtdev_server_take(machine.server, &bytes, &len,
					     NULL), 0);
	expect("save ");
	free(bytes);
	ck_assert_int_eq(virtdev_server_resume(machine.server, NULL), 0);
	expect("resume start0 start1 ");
	pause_machine();
	expect(STOPPED "pause ");
	reset_machine();
	expect("resume reset_turn reset ");
	teardown_inline();
}
END_TEST

/* The device gives no reason. */
START_TEST(queue_that_does_not_continue_is_named)
{
	struct vsu_error err;

	setup_inline(0);
	start_machine();
	pause_machine();
	refusal = -EIO;
	ck_assert_int_eq(virtdev_server_resume(machine.server, &err), -EIO);
	refusal = 0;
	ck_assert_str_eq(err.msg, "queue 0: Input/output error");
	reset_machine();
	teardown_inline();
}
END_TEST

START_TEST(inline_load_pauses_until_the_machine_resumes)
{
	struct machine other;
	void *bytes;
	size_t len;

	setup_inline(_i);
	start_machine();
	pause_machine();
	ck_assert_int_eq(virtdev_server_take(machine.server, &bytes, &len,
					     NULL), 0);
	expect(STOPPED "pause save ");
	make_machine(&other, _i);
	ck_assert_int_eq(virtdev_server_load(other.server, bytes, len, NULL),
			 0);
	expect("features load pause ");
	ck_assert_int_eq(virtdev_server_resume(other.server, NULL), 0);
	expect("resume start0 start1 ");
	free(bytes);
	free_machine(&other);
	expect(STOPPED);
	teardown_inline();
}
END_TEST

/* ---------------------------------------------------------- vhost-user server */

static struct server_side server;
static struct client_side client;

static void setup_socket(void)
{
	calls[0] = 0;
	ck_assert_int_eq(virtdev_new(&model, &info, NULL, &device, NULL), 0);
	server_listen(&server, device, false);
	client_connect(&client, &server);
	pump(&client, &client.ready);
	expect("");
}

static void teardown_socket(void)
{
	client_fini(&client);
	server_fini(&server);
}

/* Passes one end of a pipe to the back-end. */
static void pass_pipe(bool load, int fd)
{
	client.state_moves = false;
	ck_assert_int_eq(vhost_user_frontend_move_state(client.fe, load, fd,
							NULL), 0);
	pump(&client, &client.state_moves);
	ck_assert_int_eq(client.state_result, 0);
	close(fd);
}

static void check_state(void)
{
	client.state_moved = false;
	ck_assert_int_eq(vhost_user_frontend_check_state(client.fe, NULL), 0);
	pump(&client, &client.state_moved);
	ck_assert_int_eq(client.state_result, 0);
}

/* The bytes remain in the pipe. */
static void save(int fds[2])
{
	ck_assert_int_eq(pipe(fds), 0);
	pass_pipe(false, fds[1]);
	check_state();
}

static void load(const void *bytes, size_t len)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	pass_pipe(true, fds[0]);
	expect("");
	ck_assert_int_eq(vsu_fd_write_full(fds[1], bytes, len), len);
	close(fds[1]);
	check_state();
}

START_TEST(socket_rings_start_and_stop)
{
	client_start(&client, true);
	expect("features start0 start1 ");
	client_stop(&client);
	expect(STOPPED);
}
END_TEST

/* The protocol has no message for the reset of a queue. */
START_TEST(socket_ring_that_starts_elsewhere_was_reset)
{
	client_start(&client, true);
	client_do(&client, 0, 0);
	client_stop(&client);
	expect("features start0 start1 " STOPPED);
	client.started = false;
	ck_assert_int_eq(vhost_user_frontend_start(client.fe, info.features, NULL), 0);
	pump(&client, &client.started);
	client_do(&client, 0, 0);
	client_stop(&client);
	expect("start0 start1 " STOPPED);
	client_start(&client, true);	/* rings of a new driver */
	expect("reset0 start0 start1 ");
}
END_TEST

START_TEST(socket_reset_is_one_call)
{
	client_start(&client, true);
	client_stop(&client);
	expect("features start0 start1 " STOPPED);
	ck_assert_int_eq(vhost_user_frontend_reset(client.fe, NULL), 0);
	client_start(&client, true);
	expect("reset features start0 start1 ");
}
END_TEST

START_TEST(socket_end_of_a_session_resets)
{
	client_start(&client, true);
	expect("features start0 start1 ");
	client_fini(&client);
	pump_server(&server, 1);
	expect("drain0 drain1 stop0 stop1 reset ");
	client_connect(&client, &server);
	pump(&client, &client.ready);
	expect("");
}
END_TEST

START_TEST(socket_end_of_a_session_resets_a_device_that_never_started)
{
	client_fini(&client);
	pump_server(&server, 1);
	expect("reset ");
	client_connect(&client, &server);
}
END_TEST

START_TEST(socket_save_pauses_until_a_ring_starts)
{
	int fds[2];

	client_start(&client, true);
	client_stop(&client);
	expect("features start0 start1 " STOPPED);
	save(fds);
	expect("pause save ");
	close(fds[0]);
	client_start(&client, true);
	expect("resume start0 start1 ");
}
END_TEST

START_TEST(socket_save_is_followed_by_a_reset_at_the_end)
{
	int fds[2];

	save(fds);
	expect("pause save ");
	close(fds[0]);
	client_fini(&client);
	pump_server(&server, 1);
	expect("resume reset ");
	client_connect(&client, &server);
}
END_TEST

START_TEST(socket_load_happens_when_the_pipe_is_closed)
{
	unsigned char bytes[256];
	ssize_t len;
	int fds[2];

	save(fds);
	len = read(fds[0], bytes, sizeof(bytes));
	close(fds[0]);
	ck_assert_int_gt(len, 0);
	client_fini(&client);
	pump_server(&server, 1);
	client_connect(&client, &server);
	pump(&client, &client.ready);
	expect("pause save resume reset ");
	load(bytes, (size_t)len);
	expect("load ");
	client_start(&client, true);
	expect("features start0 start1 ");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("calls");
	TCase *in = tcase_create("inline"), *socket = tcase_create("socket");
	const int n = sizeof(registers) / sizeof(registers[0]);

	suite_add_tcase(s, in);
	tcase_add_loop_test(in, inline_reset_stops_the_queues_and_resets, 0, n);
	tcase_add_loop_test(in, inline_queue_reset_stops_and_starts_one_queue,
			    0, n);
	tcase_add_loop_test(in, inline_pause_stops_the_queues_and_pauses, 0, n);
	tcase_add_test(in, queue_that_does_not_continue_is_named);
	tcase_add_loop_test(in, inline_load_pauses_until_the_machine_resumes,
			    0, n);

	suite_add_tcase(s, socket);
	tcase_add_checked_fixture(socket, setup_socket, teardown_socket);
	tcase_add_test(socket, socket_rings_start_and_stop);
	tcase_add_test(socket, socket_ring_that_starts_elsewhere_was_reset);
	tcase_add_test(socket, socket_reset_is_one_call);
	tcase_add_test(socket, socket_end_of_a_session_resets);
	tcase_add_test(socket,
		       socket_end_of_a_session_resets_a_device_that_never_started);
	tcase_add_test(socket, socket_save_pauses_until_a_ring_starts);
	tcase_add_test(socket, socket_save_is_followed_by_a_reset_at_the_end);
	tcase_add_test(socket, socket_load_happens_when_the_pipe_is_closed);

	return run_suite(s);
}
