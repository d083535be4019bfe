/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The example of libvhost(3): a device whose configuration is a name, and a
 * front-end that reads it.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <vhost/backend.h>
#include <vhost/frontend.h>
#include <vmm-sys-util/exit.h>
#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#define NAME_LEN 16u

static const char name[NAME_LEN] = "the example";

static int wait_for(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, -1) < 0 ? -errno : 0;
}

/*
 * The back-end: its configuration space contains a name; it does not process
 * its ring.
 */

struct server {
	struct vhost_user_backend *b;
	int gone;
};

static int get_config(void *opaque, uint32_t off, void *buf, uint32_t len)
{
	(void)opaque;
	memcpy(buf, name + off, len);
	return 0;
}

static void run(void *opaque, uint32_t ring)
{
	(void)opaque;	/* a device would process chains here: vq_pop(), vq_push() */
	(void)ring;
}

static void quiesce(void *opaque, uint32_t ring, bool drain, uint64_t token)
{
	struct server *s = opaque;

	(void)ring;	/* no request is in flight */
	(void)drain;
	vhost_user_backend_done(s->b, token);
}

/* A refused message without NEED_REPLY is reported only here. */
static void refused(void *opaque, uint32_t request, uint32_t ring,
		    const struct vsu_error *why)
{
	(void)opaque;
	(void)request;
	(void)ring;
	fprintf(stderr, "example: %s\n", why->msg);
}

static void gone(void *opaque, const struct vsu_error *why)
{
	struct server *s = opaque;

	printf("%s\n", why->msg);
	vhost_user_backend_free(s->b);
	s->gone = 1;
}

static int serve_client(int listener, struct vsu_error *err)
{
	static const struct vhost_user_backend_config config = {
		.size = sizeof(config), .features = UINT64_C(1) << 32,
		.nrings = 1, .config_size = NAME_LEN,
	};
	static const struct vhost_user_backend_ops ops = {
		.size = sizeof(ops), .get_config = get_config, .run = run,
		.quiesce = quiesce, .gone = gone, .refused = refused,
	};
	struct server s = { NULL, 0 };
	int rc, sock = vsu_sock_accept(listener);

	if (sock < 0)
		return vsu_error_sys(err, sock, "cannot accept a client");
	rc = vhost_user_backend_new_take_fd(sock, &config, &ops, &s, &s.b, err);
	if (rc < 0)
		vsu_fd_close(&sock);
	while (rc >= 0 && !s.gone) {
		wait_for(vhost_user_backend_fd(s.b));
		vhost_user_backend_dispatch(s.b);
	}
	return rc;
}

static int serve(const char *path, struct vsu_error *err)
{
	int rc, listener = vsu_sock_listen(path, 1, err);
	struct vsu_sock_path where;

	if (listener < 0)
		return listener;
	rc = vsu_sock_path_of(listener, &where);
	if (rc >= 0) {
		wait_for(listener);
		rc = serve_client(listener, err);
		vsu_sock_unlink(&where);
	}
	vsu_fd_close(&listener);
	return rc;
}

/* The front-end: reads the configuration and waits for the reply. */

static void config(void *opaque, uint32_t off, const void *buf, uint32_t len)
{
	(void)opaque;
	(void)off;
	if (len)
		printf("I am %.*s\n", (int)len, (const char *)buf);
}

static int ask_name(struct vhost_user_frontend *f, struct vsu_error *err)
{
	int rc = vhost_user_frontend_wait(f, 0, err);	/* the handshake */

	if (rc < 0)
		return rc;
	printf("features %#" PRIx64 ", %" PRIu32 " queue, %" PRIu32 " slots\n",
	       vhost_user_frontend_features(f),
	       vhost_user_frontend_queue_num(f),
	       vhost_user_frontend_max_mem_slots(f));
	rc = vhost_user_frontend_get_config(f, 0, NAME_LEN, err);
	return rc < 0 ? rc : vhost_user_frontend_wait(f, 0, err);
}

static int ask(const char *path, struct vsu_error *err)
{
	static const struct vhost_user_frontend_ops ops = {
		.size = sizeof(ops), .config = config,
	};
	const struct vhost_user_frontend_config wanted = {
		.size = sizeof(wanted), .peer = path,
	};
	struct vhost_user_frontend *f;
	int rc, sock = vsu_sock_connect(path, err);

	if (sock < 0)
		return sock;
	rc = vhost_user_frontend_new_take_fd(sock, &wanted, &ops, NULL, &f, err);
	if (rc < 0) {
		vsu_fd_close(&sock);
		return rc;
	}
	rc = ask_name(f, err);
	vhost_user_frontend_free(f);
	return rc;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	int serves = argc == 3 && !strcmp(argv[1], "serve");

	if (argc != 3 || (!serves && strcmp(argv[1], "ask"))) {
		fprintf(stderr, "use: example serve|ask SOCKET\n");
		return VSU_EXIT_USAGE;
	}
	if ((serves ? serve : ask)(argv[2], &err) >= 0)
		return VSU_EXIT_OK;
	fprintf(stderr, "example: %s\n", err.msg);
	return VSU_EXIT_HOST;
}
