/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A synchronous session with a back-end: each call waits for the reply.
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
	int state_result;		/* of the last state transfer */
	uint32_t config_len;		/* 0: the request was rejected */
	unsigned char config[256];
	struct vsu_error reason;	/* valid if dead */
};

/*
 * Connects and negotiates; required are protocol features. On failure nothing needs
 * to be closed.
 */
enum vsu_exit client_open(struct client *c, const char *socket,
			  uint64_t required, struct vsu_error *err);
/* client_open() on a connected socket, which is closed on failure. */
enum vsu_exit client_open_take_fd(struct client *c, const char *socket,
				  int sock, uint64_t required,
				  struct vsu_error *err);
void client_close(struct client *c);

/* Waits for all replies; VSU_EXIT_HOST: the session ended before. */
enum vsu_exit client_wait(struct client *c, struct vsu_error *err);

/*
 * Waits until one of fds or the session is readable, or ms have passed (-1: no
 * limit), and dispatches the session. Fills revents.
 */
enum vsu_exit client_poll(struct client *c, struct pollfd *fds, unsigned int n,
			  int ms, bool *timed_out, struct vsu_error *err);

/*
 * client_poll() with a limit in the time of vsu_now_ns(), UINT64_MAX: none. Messages and
 * calls of the back-end end a wait: the caller compares the time.
 */
enum vsu_exit client_poll_until(struct client *c, struct pollfd *fds, unsigned int n,
				uint64_t end_ns, struct vsu_error *err);

/*
 * Saves the state of a device with stopped rings to the file fd, or loads it.
 * VSU_EXIT_FAIL: the device rejects it.
 */
enum vsu_exit client_move_state(struct client *c, bool load, int fd,
				struct vsu_error *err);

/* Reads the first len bytes of configuration space into c->config. */
enum vsu_exit client_get_config(struct client *c, uint32_t len,
				struct vsu_error *err);

#endif
