/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A session with a back-end for a program that has nothing else to do: it waits
 * for each answer.
 */
#ifndef TOOLS_CLIENT_H
#define TOOLS_CLIENT_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include <vhost/frontend.h>
#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

struct client {
	struct vhost_user_frontend *fe;
	const char *socket;
	bool dead;
	int state_result;		/* of the last step of a state */
	uint32_t config_len;		/* 0: it was refused */
	unsigned char config[256];
	struct vsu_error reason;	/* of dead */
};

/*
 * Connects and shakes hands; required are protocol features. On failure there
 * is nothing to close.
 */
enum vsu_exit client_open(struct client *c, const char *socket,
			  uint64_t required, struct vsu_error *err);
/* The same on a connected socket, which is closed where that fails. */
enum vsu_exit client_open_take_fd(struct client *c, const char *socket,
				  int sock, uint64_t required,
				  struct vsu_error *err);
void client_close(struct client *c);

/* Until all is answered; VSU_EXIT_HOST when the session ends before. */
enum vsu_exit client_wait(struct client *c, struct vsu_error *err);

/*
 * Waits until one of fds is readable or ms have passed (-1: for ever), serving
 * the session meanwhile; revents are filled in. The session is looked at too.
 */
enum vsu_exit client_poll(struct client *c, struct pollfd *fds, unsigned int n,
			  int ms, bool *timed_out, struct vsu_error *err);

/*
 * The state of a device whose rings do not run, into the file fd or from it
 * (load). VSU_EXIT_FAIL: the device refuses.
 */
enum vsu_exit client_move_state(struct client *c, bool load, int fd,
				struct vsu_error *err);

/* len bytes of configuration from its beginning, into c->config. */
enum vsu_exit client_get_config(struct client *c, uint32_t len,
				struct vsu_error *err);

#endif
