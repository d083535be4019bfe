/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A vhost-user back-end with shared memory regions: it maps files into them
 * when its ring starts.
 *
 *	shmem-backend --socket-path=PATH --region=SHMID:SIZE...
 *		--map=SHMID:SHM_OFFSET:LEN:FILE:FD_OFFSET:ro|rw...
 *
 * SIGUSR1 unmaps all pieces. SIGUSR2 maps them again, and repeats refused requests.
 * Each answer of the front-end is a line on standard output.
 * The device has one ring and returns each buffer unchanged.
 * Clients are served one after another until SIGINT or SIGTERM.
 *
 * The loop is poll(): the session needs nothing more.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <vhost/backend.h>
#include <virtio-queue/features.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/option.h>
#include <vmm-sys-util/sock.h>

#include "shmem-pieces.h"

#define PROGRAM "shmem-backend"
#define MAX_IOV 16
#define CONFIG_SIZE 256	/* as much as the protocol carries */

struct example {
	struct pieces pieces;
	const char *socket_path;
	bool help, bad_file;
	struct vhost_user_backend *b;	/* NULL: no client */
	bool running;		/* the ring may be served */
	int listener, signals;
	bool quit;
};

/* options */

enum { OPT_SOCKET, OPT_REGION, OPT_MAP, OPT_HELP };

static const struct vsu_option options[] = {
	{ .name = "socket-path", .kind = VSU_OPTION_STRING, .arg = "PATH",
	  .help = "listen there" },
	{ .name = "region", .kind = VSU_OPTION_STRING, .arg = "SHMID:SIZE",
	  .help = "have this shared memory region", .repeat = true },
	{ .name = "map", .kind = VSU_OPTION_STRING,
	  .arg = "SHMID:SHM_OFFSET:LEN:FILE:FD_OFFSET:ro|rw",
	  .help = "map this piece of a file into it", .repeat = true },
	{ .name = "help", .kind = VSU_OPTION_FLAG,
	  .help = "show this and leave" },
	{ .name = NULL }
};

static int take_option(void *opaque, unsigned int index,
		       const struct vsu_option_value *value,
		       struct vsu_error *err)
{
	struct example *x = opaque;
	int rc;

	switch (index) {
	case OPT_SOCKET:
		x->socket_path = value->text;
		return 0;
	case OPT_REGION:
		return pieces_add_region(&x->pieces, value->text, err);
	case OPT_MAP:
		rc = pieces_add(&x->pieces, value->text, err);
		x->bad_file = rc < 0 && rc != -EINVAL;
		return rc;
	default:
		x->help = true;
		return 0;
	}
}

static int fail(enum vsu_exit status, const struct vsu_error *err)
{
	fprintf(stderr, PROGRAM ": %s\n", err->msg);
	return status;
}

static void show_help(void)
{
	char text[2048];

	vsu_option_help(options, text, sizeof(text));
	printf("usage: " PROGRAM " --socket-path=PATH --region=SHMID:SIZE [OPTION...]\n\n%s",
	       text);
}

static int parse(struct example *x, int argc, char *const *argv)
{
	struct vsu_error err;
	int operands, rc;

	rc = vsu_option_parse_argv(options, argc, argv, take_option, x,
				   &operands, &err);
	if (rc < 0)
		return fail(x->bad_file ? VSU_EXIT_INPUT :
			    rc == -ENOENT ? VSU_EXIT_USAGE : VSU_EXIT_DATA,
			    &err);
	if (x->help)
		return VSU_EXIT_OK;
	rc = pieces_make_table(&x->pieces, &err);
	if (rc == 0 && operands < argc)
		rc = vsu_error_set(&err, -EINVAL, "unexpected argument '%s'",
				   argv[operands]);
	if (rc == 0 && !x->socket_path)
		rc = vsu_error_set(&err, -EINVAL,
				   "--socket-path=PATH is missing");
	return rc < 0 ? fail(VSU_EXIT_DATA, &err) : VSU_EXIT_OK;
}

/* the session's owner */

static void on_run(void *opaque, uint32_t ring)
{
	struct example *x = opaque;

	(void)ring;
	x->running = true;
	shmem_table_start(x->pieces.table);
}

/* One thread serves ring and session, so the ring is already idle: answer at once. */
static void on_quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct example *x = opaque;

	(void)ring;
	x->running = false;
	if (drain)
		shmem_table_stop(x->pieces.table);
	vhost_user_backend_done(x->b, token);
}

/* The front-end takes all mappings away when it resets the device. */
static void on_reset(void *opaque)
{
	struct example *x = opaque;

	shmem_table_reset(x->pieces.table);
}

static void on_result(void *opaque, uint64_t cookie, int result)
{
	struct example *x = opaque;

	shmem_table_result(x->pieces.table, cookie, result);
}

/* Zeros, for front-ends that ask any device for its configuration. */
static int on_get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	(void)opaque;
	(void)off;
	memset(buf, 0, len);
	return 0;
}

static void on_gone(void *opaque, const struct vsu_error *err)
{
	struct example *x = opaque;

	if (err->code != -ECONNRESET && err->code != -ECANCELED)
		fprintf(stderr, PROGRAM ": %s\n", err->msg);
	shmem_table_attach(x->pieces.table, NULL);
	vhost_user_backend_free(x->b);
	x->b = NULL;
}

static const struct vhost_user_backend_ops ops = {
	.size = sizeof(ops),
	.run = on_run,
	.quiesce = on_quiesce,
	.reset = on_reset,
	.gone = on_gone,
	.shmem_result = on_result,
	.get_config = on_get_config,
};

static void take_client(struct example *x)
{
	const struct vhost_user_backend_config config = {
		.size = sizeof(config),
		.features = VQ_F_VERSION_1 | VQ_F_INDIRECT_DESC |
			    VQ_F_EVENT_IDX,
		.nrings = 1,
		.config_size = CONFIG_SIZE,
		.shmem_sizes = x->pieces.sizes,
		.nshmem = VHOST_USER_SHMEM_REGIONS,
	};
	int sock = vsu_sock_accept(x->listener);
	struct vsu_error err;

	if (sock < 0)
		return;
	x->running = false;
	if (vhost_user_backend_new_take_fd(sock, &config, &ops, x, &x->b,
					   &err) < 0) {
		vsu_fd_close(&sock);
		fail(VSU_EXIT_HOST, &err);
		return;
	}
	shmem_table_attach(x->pieces.table, x->b);
}

/* Returns the guest's buffers, a bounded number at a time. */
static void serve_ring(struct example *x)
{
	struct vq *q = vhost_user_backend_vq(x->b, 0);
	struct iovec iov[MAX_IOV];
	struct vq_chain chain = { .iov = iov, .iov_max = MAX_IOV };
	int kick = vhost_user_backend_kick_fd(x->b, 0);
	unsigned int budget = vq_size(q);
	uint64_t count;

	if (kick >= 0)
		vsu_event_drain(kick, &count);
	do {
		while (budget && vq_pop(q, &chain) == 1) {
			vq_push(q, &chain, 0);
			budget--;
		}
		if (vq_publish(q))
			vhost_user_backend_call(x->b, 0);
	} while (budget && vq_enable_notify(q));
	if (!budget && kick >= 0)
		vsu_event_signal(kick);	/* serve the rest in another turn */
	if (vq_broken(q))
		vhost_user_backend_ring_error(x->b, 0);
}

/* the loop */

static void take_signal(struct example *x)
{
	struct signalfd_siginfo info;
	struct vsu_error err;

	if (read(x->signals, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGINT || info.ssi_signo == SIGTERM) {
		x->quit = true;
		return;
	}
	if (info.ssi_signo == SIGUSR1) {
		pieces_remove(&x->pieces);
		return;
	}
	/* entries that are in the table already remain */
	if (pieces_want(&x->pieces, -EEXIST, &err) < 0)
		fail(VSU_EXIT_HOST, &err);
	shmem_table_ask_again(x->pieces.table);
}

/* Milliseconds between two checks of a ring without a kick descriptor. */
static int timeout(const struct example *x)
{
	return x->b && x->running && vhost_user_backend_kick_fd(x->b, 0) < 0 ?
	       1 : -1;
}

enum { WAIT_SIGNALS, WAIT_CLIENT, WAIT_RING, WAITS };

static void loop(struct example *x)
{
	struct pollfd p[WAITS] = { { .fd = x->signals, .events = POLLIN } };

	while (!x->quit) {
		/* a second client waits until the first has left */
		p[WAIT_CLIENT].fd = x->b ? vhost_user_backend_fd(x->b) :
					   x->listener;
		p[WAIT_CLIENT].events = p[WAIT_RING].events = POLLIN;
		p[WAIT_RING].fd = x->b && x->running ?
				  vhost_user_backend_kick_fd(x->b, 0) : -1;
		if (poll(p, WAITS, timeout(x)) < 0)
			continue;
		if (p[WAIT_SIGNALS].revents)
			take_signal(x);
		if (p[WAIT_RING].revents || timeout(x) >= 0)
			serve_ring(x);
		if (!p[WAIT_CLIENT].revents)
			continue;
		if (!x->b)
			take_client(x);
		else if (vhost_user_backend_dispatch(x->b) >= 0 && x->running)
			serve_ring(x);
	}
	if (x->b)
		vhost_user_backend_close(x->b);
}

static int wait_for_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static int run(struct example *x)
{
	struct vsu_sock_path where;
	struct vsu_error err;
	int known;

	x->signals = wait_for_signals();
	if (x->signals < 0) {
		vsu_error_sys(&err, -errno, "cannot wait for signals");
		return fail(VSU_EXIT_HOST, &err);
	}
	x->listener = vsu_sock_listen(x->socket_path, 1, &err);
	if (x->listener < 0) {
		int rc = x->listener;

		close(x->signals);
		return fail(rc == -EADDRINUSE ? VSU_EXIT_BUSY :
			    rc == -ENAMETOOLONG ? VSU_EXIT_DATA :
			    VSU_EXIT_HOST, &err);
	}
	known = vsu_sock_path_of(x->listener, &where);
	loop(x);
	if (known == 0)
		vsu_sock_unlink(&where);
	vsu_fd_close(&x->listener);
	vsu_fd_close(&x->signals);
	return VSU_EXIT_OK;
}

int main(int argc, char **argv)
{
	static struct example x;
	int status;

	setvbuf(stdout, NULL, _IOLBF, 0);
	status = parse(&x, argc, argv);
	if (status == VSU_EXIT_OK && x.help)
		show_help();
	else if (status == VSU_EXIT_OK)
		status = run(&x);
	pieces_close(&x.pieces);
	return status;
}
