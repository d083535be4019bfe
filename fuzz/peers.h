/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Programs of the host at the UNIX sockets of a socket device. */
#ifndef FUZZ_PEERS_H
#define FUZZ_PEERS_H

#include <stdint.h>

#include "play.h"

#define PEERS 6u
#define PORT 52u		/* a server listens for this port */
#define MESSAGES_PORT 53u	/* a server with messages listens for this port */

struct peers {
	int listener, messages, fds[PEERS];
};

/*
 * The path of the socket for connections to the guest, in a folder that the first call
 * creates.
 */
const char *peers_path(void);
/* The path of the socket for clients with messages. */
const char *peers_messages_path(void);
/* Removes the folder at the end of the program. */
void peers_end(void);

void peers_init(struct peers *h);
void peers_fini(struct peers *h);

/*
 * Makes one step that the input selects: a client connects, the server accepts, or a client
 * acts.
 */
void peer_come(struct peers *h, struct input *in);
void peer_accept(struct peers *h);
void peer_act(struct peers *h, struct input *in);

#endif
