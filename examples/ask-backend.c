/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A front-end in ten lines: prints the features of the device behind a socket. */
#include <inttypes.h>
#include <stdio.h>
#include <vhost/frontend.h>
#include <vmm-sys-util/sock.h>

int main(int argc, char **argv)
{
	const struct vhost_user_frontend_config config = { .size = sizeof(config) };
	const struct vhost_user_frontend_ops ops = { .size = sizeof(ops) };
	struct vhost_user_frontend *f;
	struct vsu_error err = VSU_ERROR_INIT;
	int sock = vsu_sock_connect(argc == 2 ? argv[1] : "SOCKET", &err);
	if (sock < 0 || vhost_user_frontend_new_take_fd(sock, &config, &ops, NULL, &f, &err) < 0 ||
	    vhost_user_frontend_wait(f, 0, &err) < 0)	/* for the handshake */
		return fprintf(stderr, "ask-backend: %s\n", err.msg), 1;
	printf("features %#" PRIx64 "\n", vhost_user_frontend_features(f));
	vhost_user_frontend_free(f);
}
