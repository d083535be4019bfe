/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The regions and pieces of files from the command line. */
#ifndef SHMEM_PIECES_H
#define SHMEM_PIECES_H

#include <stdint.h>

#include <vhost/shmem.h>
#include <vmm-sys-util/error.h>

#include "shmem-table.h"

#define MAX_PIECES 64u

struct piece {
	struct vhost_user_shmem_request request;
	char *copy;		/* of the text; file points into it */
	const char *file;
};

struct pieces {
	uint64_t sizes[VHOST_USER_SHMEM_REGIONS];
	struct piece piece[MAX_PIECES];
	unsigned int n;
	struct shmem_table *table; /* named by the piece's number */
};

/* "SHMID:SIZE" */
int pieces_add_region(struct pieces *p, const char *text,
		      struct vsu_error *err);

/*
 * "SHMID:SHM_OFFSET:LEN:FILE:FD_OFFSET:ro|rw"; opens the file. -EINVAL for the
 * text, another code for the file.
 */
int pieces_add(struct pieces *p, const char *text, struct vsu_error *err);

/*
 * Call it after all regions were added. Each piece must be inside a region and must not
 * overlap another one. Requests all pieces; prints the result of each.
 */
int pieces_make_table(struct pieces *p, struct vsu_error *err);
/* Requests all pieces; stops at a failure with another code than ignored. */
int pieces_want(struct pieces *p, int ignored, struct vsu_error *err);
void pieces_remove(struct pieces *p);
/* Also frees the table. */
void pieces_close(struct pieces *p);

#endif
