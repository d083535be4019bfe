/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A disk image of another format than raw, served by an installed qemu-storage-daemon to a
 * connected socket. The program opens nothing but the image and its own files (Landlock), and
 * no connections (seccomp), so that an image cannot name another file or a server.
 *
 * Threads: the main thread, before others are started.
 */
#ifndef VMM_COMMON_IMAGE_SERVER_H
#define VMM_COMMON_IMAGE_SERVER_H

#include <stdbool.h>

#include <vmm-sys-util/error.h>

#include "child/leash.h"

struct vmm_image_server {
	int sock;		/* of the vhost-user back-end; -1: not started */
	struct prog_leash leash;	/* its end ends the server */
};

#define VMM_IMAGE_SERVER_INIT { .sock = -1, .leash = PROG_LEASH_INIT }

/*
 * Starts the program, and returns when it serves the image. If it ends later, a line on standard
 * error reports that. -ENOPKG: it is not installed; -EIO: it ended, and err has its last line;
 * -ETIMEDOUT; errors of open().
 */
int vmm_image_server_start(struct vmm_image_server *s, const char *path, const char *format,
			   bool writable, struct vsu_error *err);

/*
 * *value is the value of --disk for an image, which the caller frees: its file, or if it is not
 * raw, a started server. Fails as vmm_image_server_start() does, and by -ENOMEM.
 */
int vmm_image_server_disk(struct vmm_image_server *s, const char *path, bool writable, char **value,
			  struct vsu_error *err);

/* The server ends after this function or the end of the process. */
void vmm_image_server_end(struct vmm_image_server *s);

#endif
