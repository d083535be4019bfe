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
	bool running[ECHO_RINGS];
	bool gone;
	int why;			/* code of gone */
	uint64_t served;		/* requests */
	unsigned int resets;
	uint8_t config[ECHO_CONFIG];
};

/* Takes the socket over; aborts when that fails. */
void echo_server_init(struct echo_server *s, int sock, uint64_t features);

/*
 * Waits up to ms (-1: for ever) for something to do, and does it. False when
 * the session is gone and freed.
 */
bool echo_server_turn(struct echo_server *s, int ms);

/* Turns until the session is gone. For pthread_create(). */
void *echo_server_thread(void *server);

#endif
