/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The regions and mappings that the example was told of, and how far each
 * mapping has come.
 */
#ifndef SHMEM_MAPS_H
#define SHMEM_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include <vhost/shmem.h>
#include <vmm-sys-util/error.h>

/* Fewer than a session may have unanswered. */
#define MAX_MAPS 64u

enum map_asked { ASKED_NOTHING, ASKED_MAP, ASKED_UNMAP };

struct map {
	struct vhost_user_shmem_request request;
	char *copy;		/* of the text; file points into it */
	const char *file;
	bool wanted;		/* by us, at the front-end */
	bool there;		/* as far as we know */
	bool doubtful;		/* the rings stopped since it was mapped */
	enum map_asked asked;
};

struct maps {
	uint64_t sizes[VHOST_USER_SHMEM_REGIONS];
	struct map map[MAX_MAPS];
	unsigned int n;
};

/* "SHMID:SIZE" */
int maps_add_region(struct maps *m, const char *text, struct vsu_error *err);

/*
 * "SHMID:SHM_OFFSET:LEN:FILE:FD_OFFSET:ro|rw"; opens the file. -EINVAL for the
 * text, another code for the file.
 */
int maps_add(struct maps *m, const char *text, struct vsu_error *err);

/* After all regions are known: every mapping lies in one. */
int maps_check(const struct maps *m, struct vsu_error *err);
void maps_close(struct maps *m);

/* A new front-end: nothing is mapped. */
void maps_forget(struct maps *m);
/* All of them are wanted from now on, or none. */
void maps_want(struct maps *m, bool wanted);
/* Call when mappings may have gone without an answer that says so. */
void maps_doubt(struct maps *m);

/* Sends what is to be sent, as far as it is taken now. */
void maps_pump(struct maps *m, struct vhost_user_backend *b);
/* The answer to what was sent; says so on standard output. */
void maps_result(struct maps *m, uint64_t cookie, int result);

#endif
