/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about device state that is transferred between back-ends in two
 * processes, as in a migration.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vhost/backend.h>
#include <vhost/frontend.h>
#include <vhost/frontend_device.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "suite.h"

/* More than the capacity of a pipe, so that saving and loading overlap. */
#define STATE (300u << 10)

/* ------------------------------------------------- a process with a back-end */

struct back {
	struct vhost_user_backend *b;
	unsigned char state[STATE];
	size_t at, limit;	/* bytes transferred; a save hangs at limit */
	int stream;		/* -1: no transfer */
	bool load;
	uint64_t token;		/* of the unanswered quiesce, or 0 */
	int result;
};

static void on_run(void *opaque, uint32_t ring)
{
	(void)opaque;
	(void)ring;
}

static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct back *back = opaque;

	(void)ring;
	(void)drain;
	vhost_user_backend_done(back->b, token);
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	struct back *back = opaque;

	(void)err;
	vhost_user_backend_free(back->b);
	back->b = NULL;
}

static void answer_check(struct back *back)
{
	if (!back->token || back->stream >= 0)
		return;
	vhost_user_backend_state_done(back->b, back->token, back->result);
	back->token = 0;
}

static int take_stream(void *opaque, bool load, int fd)
{
	struct back *back = opaque;

	back->stream = fd;
	back->load = load;
	back->at = 0;
	return 0;
}

static void on_check(void *opaque, uint64_t token)
{
	struct back *back = opaque;

	back->token = token;
	answer_check(back);
}

static void stream_end(struct back *back)
{
	vsu_fd_close(&back->stream);
	back->result = back->at == STATE ? 0 : -EBADMSG;
	answer_check(back);
}

static void move_some(struct back *back)
{
	size_t room = STATE - back->at, most = room < 4096 ? room : 4096;
	ssize_t n = back->load ?
		    read(back->stream, back->state + back->at, most) :
		    write(back->stream, back->state + back->at, most);

	if (n > 0)
		back->at += (size_t)n;
	if (n <= 0 || (!back->load && back->at == STATE))
		stream_end(back);
}

static void back_serve(struct back *back)
{
	struct pollfd fds[2];

	while (back->b) {
		fds[0] = (struct pollfd){ vhost_user_backend_fd(back->b),
					  POLLIN, 0 };
		fds[1] = (struct pollfd){ back->stream,
					  back->load ? POLLIN : POLLOUT, 0 };
		if (!back->load && back->at >= back->limit)
			fds[1].fd = -1;
		poll(fds, 2, -1);
		if (back->stream >= 0 && fds[1].revents)
			move_some(back);
		if (fds[0].revents)
			vhost_user_backend_dispatch(back->b);
	}
}

/* Exits with status 0 if its state consists of this byte only. */
static void back_main(int sock, unsigned char byte, size_t limit,
		      unsigned char expected)
{
	static const struct vhost_user_backend_ops ops = {
		.size = sizeof(ops), .run = on_run, .quiesce = on_quiesce,
		.gone = on_gone, .take_state_fd = take_stream,
		.check_state = on_check,
	};
	const struct vhost_user_backend_config config = {
		.size = sizeof(config), .features = VQ_F_VERSION_1, .nrings = 1,
	};
	static struct back back = { .stream = -1 };
	size_t i;

	back.limit = limit;
	memset(back.state, byte, STATE);
	if (vhost_user_backend_new_take_fd(sock, &config, &ops, &back, &back.b,
					   NULL) < 0)
		_exit(2);
	back_serve(&back);
	for (i = 0; i < STATE; i++)
		if (back.state[i] != expected)
			_exit(1);
	_exit(0);
}

/*
 * An inherited copy of another front-end's socket would keep its session open.
 */
static void keep_only(int fd)
{
	int i;

	for (i = STDERR_FILENO + 1; i < 256; i++)
		if (i != fd)
			close(i);
}

/* -------------------------------------------------------------- front-ends */

struct front {
	struct vhost_user_frontend *f;
	pid_t back;
	unsigned int moves, moved;
	int result;
};

static int fds_before;

static void on_moves(void *opaque, int result, int fd)
{
	struct front *front = opaque;

	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(fd, -1);
	front->moves++;
}

static void on_moved(void *opaque, int result)
{
	struct front *front = opaque;

	front->result = result;
	front->moved++;
}

static void front_wait(struct front *front)
{
	ck_assert_int_eq(vhost_user_frontend_wait(front->f, 0, NULL), 0);
}

static void front_init(struct front *front, unsigned char byte, size_t limit,
		       unsigned char expected)
{
	static const struct vhost_user_frontend_ops ops = {
		.size = sizeof(ops), .state_moves = on_moves,
		.state_moved = on_moved,
	};
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = "the other process",
	};
	int ends[2];

	memset(front, 0, sizeof(*front));
	ck_assert_int_eq(vsu_sock_pair(ends), 0);
	front->back = fork();
	ck_assert_int_ge(front->back, 0);
	if (!front->back) {
		keep_only(ends[0]);
		back_main(ends[0], byte, limit, expected);
	}
	close(ends[0]);
	ck_assert_int_eq(vhost_user_frontend_new_take_fd(ends[1], &config, &ops,
							 front, &front->f,
							 NULL), 0);
	front_wait(front);
}

/* Disconnects; returns the exit status of the back-end's process. */
static int front_fini(struct front *front)
{
	int status;

	vhost_user_frontend_free(front->f);
	ck_assert_int_eq(waitpid(front->back, &status, 0), front->back);
	return status;
}

/* Both transfers have started, and neither has ended. */
static void begin(struct front *from, struct front *to)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_eq(vhost_user_frontend_move_state(from->f, false, ends[1],
							NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_move_state(to->f, true, ends[0],
							NULL), 0);
	close(ends[0]);
	close(ends[1]);
	front_wait(from);
	front_wait(to);
	ck_assert_uint_eq(from->moves, to->moves);
}

static int check(struct front *front)
{
	unsigned int before = front->moved;

	ck_assert_int_eq(vhost_user_frontend_check_state(front->f, NULL), 0);
	front_wait(front);
	ck_assert_uint_eq(front->moved, before + 1);
	return front->result;
}

static void setup(void)
{
	fds_before = vsu_fd_count();
}

static void teardown(void)
{
	ck_assert_int_eq(vsu_fd_count(), fds_before);
}

/*
 * The state is sent there and back; in the end the first back-end has its own
 * state again.
 */
START_TEST(state_is_transferred_to_another_process_and_back)
{
	struct front one, two;

	front_init(&one, 'a', STATE + 1, 'a');
	front_init(&two, 'b', STATE + 1, 'a');
	begin(&one, &two);
	ck_assert_int_eq(check(&one), 0);
	ck_assert_int_eq(check(&two), 0);
	begin(&two, &one);
	ck_assert_int_eq(check(&two), 0);
	ck_assert_int_eq(check(&one), 0);
	ck_assert_int_eq(front_fini(&one), 0);
	ck_assert_int_eq(front_fini(&two), 0);
}
END_TEST

START_TEST(truncated_state_is_reported_when_its_source_dies)
{
	struct front one, two;
	int status;

	front_init(&one, 'a', STATE / 2, 'a');
	front_init(&two, 'b', STATE + 1, 'b');
	begin(&one, &two);
	ck_assert_int_eq(kill(one.back, SIGKILL), 0);
	ck_assert_int_eq(check(&two), -EREMOTEIO);
	status = front_fini(&one);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	/* 1, or 0 if the source died before it wrote anything */
	status = front_fini(&two);
	ck_assert(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("vhost state of a device");
	TCase *tc = tcase_create("processes");

	tcase_add_checked_fixture(tc, setup, teardown);
	suite_add_tcase(s, tc);
	tcase_add_test(tc, state_is_transferred_to_another_process_and_back);
	tcase_add_test(tc, truncated_state_is_reported_when_its_source_dies);
	return run_suite(s);
}
