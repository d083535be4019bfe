/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The simplest device behind a vhost-user back-end: it copies what a request
 * lets it read into what the request lets it write. All on one thread, which
 * the caller may make another than the client's.
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
	bool watched[ECHO_RINGS];	/* the kick is waited for */
	bool gone;
	int why;			/* code of gone */
	uint64_t served;		/* requests */
	unsigned int resets;
	uint8_t config[ECHO_CONFIG];

	/* Mapped into region 0 when ring 0 starts; fd -1 maps nothing. */
	int map_fd;
	unsigned int answers;		/* of the front-end */
	int answer;			/* the last one */
	bool answered;
};

/* Of region 0: its size, and what is mapped on run, from the file's page 1. */
#define ECHO_WINDOW 0x10000u
#define ECHO_MAPPED 0x4000u
#define ECHO_PAGE 0x1000u

/*
 * Takes the socket over; aborts when that fails. map_fd: see above, borrowed;
 * without it the device has no shared memory region.
 */
void echo_server_init(struct echo_server *s, int sock, uint64_t features,
		      int map_fd);

/*
 * Waits up to ms (-1: for ever) for something to do, and does it. False when
 * the session is gone and freed.
 */
bool echo_server_turn(struct echo_server *s, int ms);

/* Turns until the session is gone. For pthread_create(). */
void *echo_server_thread(void *server);

#endif
