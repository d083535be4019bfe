/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Claims about examples/shmem-backend, made by a front-end that runs it: what it maps,
 * when, and how it reports results.
 */
#include <config.h>

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vhost/shmem.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "echo_client.h"
#include "suite.h"
#include "workdir.h"

#define PIECE 0x10000u		/* whole pages of every size */
#define MAX_SEEN 16

/* Mappings that the front-end holds, by their offset in the region. */
struct seen {
	uint8_t shmid;
	uint64_t offset;
	struct vmem_block *block;
};

static struct {
	struct vhost_user_frontend *fe;
	struct echo_client client;	/* for its memory and ring */
	bool ready, started, stopped;
	int refuse;			/* the result that the owner sets */
	struct seen seen[MAX_SEEN];
	unsigned int n;
} f;

static char program[PATH_MAX];
static struct workdir dir;
static pid_t pid;
static FILE *said;

static void on_shmem(void *opaque, struct vhost_user_shmem_change *changes,
		     unsigned int n)
{
	struct vhost_user_shmem_change *c;
	unsigned int i;

	(void)opaque;
	for (c = changes; c < changes + n; c++) {
		c->result = f.refuse;
		if (c->map && !f.refuse) {
			ck_assert_uint_lt(f.n, MAX_SEEN);
			f.seen[f.n++] = (struct seen){ c->shmid, c->offset,
						       vmem_block_ref(c->block) };
		}
		for (i = 0; !c->map && i < f.n; i++)
			if (f.seen[i].shmid == c->shmid &&
			    f.seen[i].offset == c->offset) {
				vmem_block_unref(f.seen[i].block);
				f.seen[i] = f.seen[--f.n];
			}
	}
}

static void on_ready(void *opaque)
{
	(void)opaque;
	f.ready = true;
}

static void on_started(void *opaque)
{
	(void)opaque;
	f.started = true;
}

static void on_stopped(void *opaque, const uint32_t *bases, unsigned int n)
{
	(void)opaque;
	(void)bases;
	(void)n;
	f.stopped = true;
}

static void on_failed(void *opaque, const struct vsu_error *err)
{
	(void)opaque;
	ck_abort_msg("%s", err->msg);
}

static const struct vhost_user_frontend_ops ops = {
	.size = sizeof(ops),
	.ready = on_ready,
	.started = on_started,
	.stopped = on_stopped,
	.failed = on_failed,
	.shmem = on_shmem,
};

/* Dispatches until *flag, or until count mappings are there. */
static void wait_until(const bool *flag, unsigned int count)
{
	struct pollfd p = { .fd = vhost_user_frontend_fd(f.fe),
			    .events = POLLIN };

	while (flag ? !*flag : f.n != count) {
		ck_assert_int_ge(poll(&p, 1, -1), 0);
		ck_assert_int_ge(vhost_user_frontend_dispatch(f.fe), 0);
	}
}

/* Expects the program's next line, and sends pending replies meanwhile. */
static void expect_line(const char *line)
{
	struct pollfd p[2] = {
		{ .fd = fileno(said), .events = POLLIN },
		{ .fd = vhost_user_frontend_fd(f.fe), .events = POLLIN },
	};
	char buf[512];
	size_t n = 0;

	while (n == 0 || buf[n - 1] != '\n') {
		ck_assert_int_ge(poll(p, 2, -1), 0);
		if (p[1].revents)
			vhost_user_frontend_dispatch(f.fe);
		if (p[0].revents)
			ck_assert_int_eq(read(fileno(said), &buf[n++], 1), 1);
	}
	buf[n - 1] = 0;
	ck_assert_str_eq(buf, line);
}

/* Two pages' worth of letters in front, then what is mapped. */
static void make_file(const char *name, char what)
{
	char *bytes = malloc(3 * PIECE);
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	memset(bytes, 'x', PIECE);
	memset(bytes + PIECE, what, 2 * PIECE);
	ck_assert_int_eq(write(fd, bytes, 3 * PIECE), 3 * PIECE);
	free(bytes);
	close(fd);
}

static void launch(void)
{
	int out[2];

	ck_assert_int_eq(pipe(out), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		close(out[0]);
		close(out[1]);
		execl(program, program, "--socket-path=s", "--region=0:256K",
		      "--region=7:1M", "--map=0:0:64K:a:64K:ro",
		      "--map=7:128K:64K:b:64K:rw", (char *)NULL);
		_exit(127);
	}
	close(out[1]);
	said = fdopen(out[0], "r");
}

static int connect_to_it(void)
{
	int sock;

	while ((sock = vsu_sock_connect("s", NULL)) < 0) {
		ck_assert_int_eq(waitpid(pid, NULL, WNOHANG), 0);
		poll(NULL, 0, 5);	/* until it listens */
	}
	return sock;
}

static void start_ring(void)
{
	struct echo_ring *ring = &f.client.rings[0];
	const struct vhost_user_ring desc = {
		.size = ECHO_RING_SIZE,
		.desc_gpa = vq_driver_desc_gpa(ring->driver),
		.driver_gpa = vq_driver_driver_gpa(ring->driver),
		.device_gpa = vq_driver_device_gpa(ring->driver),
		.kick_fd = ring->kick_fd, .call_fd = ring->call_fd,
		.err_fd = -1,
	};

	ck_assert_int_eq(vhost_user_frontend_set_memory(f.fe, f.client.map,
							NULL), 0);
	ck_assert_int_eq(vhost_user_frontend_set_ring(f.fe, 0, &desc, NULL),
			 0);
	f.started = false;
	ck_assert_int_eq(vhost_user_frontend_start(f.fe, VQ_F_VERSION_1, NULL),
			 0);
	wait_until(&f.started, 0);
}

static void attach(void)
{
	const struct vhost_user_frontend_config config = {
		.size = sizeof(config), .peer = "s",
	};

	f.ready = false;
	ck_assert_int_eq(vhost_user_frontend_new_take_fd(connect_to_it(),
			&config, &ops, NULL, &f.fe, NULL), 0);
	wait_until(&f.ready, 0);
}

static void setup(void)
{
	int pair[2];

	workdir_init(&dir);
	ck_assert_int_eq(chdir(dir.path), 0);
	make_file("a", 'a');
	make_file("b", 'b');
	launch();
	/* only its memory and ring are used, not its session */
	ck_assert_int_eq(vsu_sock_pair(pair), 0);
	echo_client_init(&f.client, pair[0], 1, VQ_F_VERSION_1);
	close(pair[1]);
	attach();
}

static void teardown(void)
{
	int status;

	vhost_user_frontend_free(f.fe);
	echo_client_fini(&f.client);
	ck_assert_uint_eq(f.n, 0);
	kill(pid, SIGTERM);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(access("s", F_OK), -1);
	fclose(said);
	ck_assert_int_eq(chdir("/"), 0);
	workdir_fini(&dir);
}

static const struct vmem_block *at(uint8_t shmid, uint64_t offset)
{
	unsigned int i;

	for (i = 0; i < f.n; i++)
		if (f.seen[i].shmid == shmid && f.seen[i].offset == offset)
			return f.seen[i].block;
	ck_abort_msg("nothing at %#" PRIx64 " of region %u",
		     offset, shmid);
	return NULL;
}

START_TEST(regions_have_the_sizes_given)
{
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(f.fe, 0), 256u << 10);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(f.fe, 7), 1u << 20);
	ck_assert_uint_eq(vhost_user_frontend_shmem_size(f.fe, 1), 0);
}
END_TEST

START_TEST(files_are_mapped_when_the_ring_starts)
{
	const struct vmem_block *a, *b;

	start_ring();
	expect_line("map 0:0:0x10000 a done");
	expect_line("map 7:0x20000:0x10000 b done");
	a = at(0, 0);
	b = at(7, 0x20000);
	ck_assert_int_eq(*vmem_block_hva(a), 'a');
	ck_assert_int_eq(*vmem_block_hva(b), 'b');
	ck_assert_uint_eq(vmem_block_flags(a) & VMEM_BLOCK_WRITE, 0);
	ck_assert_uint_ne(vmem_block_flags(b) & VMEM_BLOCK_WRITE, 0);
}
END_TEST

START_TEST(signals_unmap_and_map_again)
{
	start_ring();
	wait_until(NULL, 2);
	expect_line("map 0:0:0x10000 a done");
	expect_line("map 7:0x20000:0x10000 b done");
	kill(pid, SIGUSR1);
	wait_until(NULL, 0);
	expect_line("unmap 0:0:0x10000 a done");
	expect_line("unmap 7:0x20000:0x10000 b done");
	kill(pid, SIGUSR2);
	wait_until(NULL, 2);
	expect_line("map 0:0:0x10000 a done");
}
END_TEST

/* Whether they are still there after a stop, only the front-end knows. */
START_TEST(ring_that_starts_again_maps_again)
{
	start_ring();
	expect_line("map 0:0:0x10000 a done");
	expect_line("map 7:0x20000:0x10000 b done");
	ck_assert_int_eq(vhost_user_frontend_stop(f.fe, NULL), 0);
	wait_until(&f.stopped, 0);
	start_ring();
	expect_line("unmap 0:0:0x10000 a done");
	expect_line("unmap 7:0x20000:0x10000 b done");
	expect_line("map 0:0:0x10000 a done");
	expect_line("map 7:0x20000:0x10000 b done");
	wait_until(NULL, 2);
}
END_TEST

START_TEST(refusal_is_said_and_not_asked_for_again)
{
	f.refuse = -EPERM;
	start_ring();
	expect_line("map 0:0:0x10000 a refused");
	expect_line("map 7:0x20000:0x10000 b refused");
	f.refuse = 0;
	kill(pid, SIGUSR2);
	expect_line("map 0:0:0x10000 a done");
	expect_line("map 7:0x20000:0x10000 b done");
}
END_TEST

START_TEST(next_client_is_served_like_the_first)
{
	start_ring();
	expect_line("map 0:0:0x10000 a done");
	expect_line("map 7:0x20000:0x10000 b done");
	vhost_user_frontend_free(f.fe);
	ck_assert_uint_eq(f.n, 0);
	attach();
	start_ring();
	expect_line("map 0:0:0x10000 a done");
	expect_line("map 7:0x20000:0x10000 b done");
}
END_TEST

int main(void)
{
	Suite *s;
	TCase *tc;
	const char *top = getenv("top_builddir");
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/examples/shmem-backend",
		 top ? top : "..");
	if (!realpath(path, program)) {
		printf("1..0 # SKIP %s is not built\n", path);
		return 0;
	}
	s = suite_create("shmem-example");
	tc = tcase_create("shmem-example");
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, regions_have_the_sizes_given);
	tcase_add_test(tc, files_are_mapped_when_the_ring_starts);
	tcase_add_test(tc, signals_unmap_and_map_again);
	tcase_add_test(tc, ring_that_starts_again_maps_again);
	tcase_add_test(tc, refusal_is_said_and_not_asked_for_again);
	tcase_add_test(tc, next_client_is_served_like_the_first);

	return run_suite(s);
}
