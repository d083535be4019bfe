/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The simplest device behind a vhost-user back-end. The device copies the
 * readable bytes of a request to its writable ones, on one thread, which may
 * differ from the client's.
 */
#ifndef SUPPORT_ECHO_SERVER_H
#define SUPPORT_ECHO_SERVER_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/backend.h>

#define ECHO_RINGS 4u
#define ECHO_CONFIG 64u

struct echo_server {
	struct vhost_user_backend *b;
	int epfd;
	bool running[ECHO_RINGS];
	int kick[ECHO_RINGS];
	bool watched[ECHO_RINGS];	/* the kick is in the epoll set */
	bool gone;
	int why;			/* error code of the end */
	uint64_t served;		/* requests */
	unsigned int resets;
	uint8_t config[ECHO_CONFIG];

	/* File to map into region 0 when ring 0 starts; -1: none. */
	int map_fd;
	unsigned int answers;		/* replies of the front-end */
	int answer;			/* the last one */
	bool answered;
};

/*
 * Region 0: its size, and the range that is mapped at run, from page 1 of the
 * file.
 */
#define ECHO_WINDOW 0x10000u
#define ECHO_MAPPED 0x4000u
#define ECHO_PAGE 0x1000u

/*
 * Owns the socket; aborts on failure. map_fd: see above, borrowed; if -1, the
 * device has no shared memory region.
 */
void echo_server_init(struct echo_server *s, int sock, uint64_t features,
		      int map_fd);

/*
 * Waits up to ms (-1: without limit) and handles events. False if the session has ended and
 * was freed.
 */
bool echo_server_turn(struct echo_server *s, int ms);

/* Handles events until the session has ended. For pthread_create(). */
void *echo_server_thread(void *server);

#endif
