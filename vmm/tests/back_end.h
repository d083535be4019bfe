/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A back-end of the test's own, behind a socket, on a thread. */
#ifndef VMM_TESTS_BACK_END_H
#define VMM_TESTS_BACK_END_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <virtio-devices/vhost_user_server.h>
#include <vmm-sys-util/sock.h>

/* A back-end of one queue whose first byte of configuration can change. */
struct back_end {
	struct virtdev *dev;
	struct virtdev_vhost_user_server *server;
	pthread_t thread;
	int listener, change, quit;	/* eventfds for its thread */
	unsigned char config[4];
	char path[64];
	struct vsu_sock_path where;
	bool ended;
	unsigned int faults;	/* chains with a buffer outside of its memory; atomic */
	pthread_mutex_t turn;	/* of the thread, while it serves */
};

extern struct back_end be;
/* Whether the next ones offer PAGEFAULT. */
extern bool back_end_postcopy;

/* Its socket, its device, and the thread that serves it. */
void back_end_start(uint64_t features);
/* The thread ends, its front-end loses it; and another one comes. */
void back_end_stop(void);
void back_end_serve(void);
/* No answer comes from there until it may go on. */
void back_end_hold(void);
void back_end_go_on(void);
/* Another device, before another one comes. */
void back_end_make_device(uint64_t features);
void back_end_free(void);

#endif
