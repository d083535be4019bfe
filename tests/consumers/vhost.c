/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvhost, in the common part of C99 and C++11. */
#include <string.h>
#include <sys/socket.h>

#include <vhost/frontend.h>
#include <vhost/version.h>

int main(void)
{
	struct vhost_user_frontend_config config;
	struct vhost_user_frontend_ops ops;
	struct vhost_user_frontend *f = NULL;
	struct vsu_error err = VSU_ERROR_INIT;
	int socks[2];

	memset(&config, 0, sizeof(config));
	memset(&ops, 0, sizeof(ops));
	config.size = sizeof(config);
	config.peer = "consumer";
	ops.size = sizeof(ops);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, socks) ||
	    vhost_user_frontend_new_take_fd(socks[0], &config, &ops, NULL, &f,
					    &err))
		return 1;
	if (vhost_user_frontend_fd(f) < 0)
		return 1;
	vhost_user_frontend_free(f);
	return strlen(vhost_user_version()) > 0 ? 0 : 1;
}
