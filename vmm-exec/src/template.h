/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Templates of "cvmm exec": guests that were saved while their agent waits for a request.
 *
 *	FOLDER/NAME/template    what the guest consists of, as lines "KEY VALUE"; locked while in use
 *	            machine/    the saved machine (transfer/save.h)
 *	            empty/      a folder for shared folders that a command does not use
 *	            pool        the socket of "cvmm pool", while one runs
 *
 * A template is made as NAME.incomplete, removed as NAME.removed, and never changed. Clones hold a
 * shared lock; a process that makes or removes a template holds an exclusive one.
 *
 * Threads: confined.
 */
#ifndef VMM_EXEC_TEMPLATE_H
#define VMM_EXEC_TEMPLATE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include <vmm-sys-util/error.h>

#define VMM_TEMPLATE_MAX_NAME 64
#define VMM_TEMPLATE_POOL "pool"

/* Text members have no line breaks. */
struct vmm_template_info {
	char cvmm[32];		/* version */
	char kernel[PATH_MAX], root[PATH_MAX];
	char memory[256];	/* properties */
	uint32_t agent;		/* version of the protocol */
	uint32_t cpus;
	uint32_t folders;	/* devices for shared folders, beside that of the root */
	uint32_t net;		/* network cards: 0 or 1; absent in those of earlier versions: 0 */
};

struct vmm_template {
	char path[PATH_MAX];
	int lock_fd;		/* of the file "template"; -1: closed */
	struct vmm_template_info info;
	time_t made;
	uint64_t bytes;		/* on the file system */
};

#define VMM_TEMPLATE_INIT { .lock_fd = -1 }

/* Whether a template may have this name; names of other states are not those of templates. */
bool vmm_template_is_name(const char *name);

/* The folder of templates: that which was given, or that of the user. -ENOENT: no home folder. */
int vmm_template_folder(const char *given, char out[PATH_MAX], struct vsu_error *err);

/*
 * A template for clones, by its name in a folder, or by a path with a slash; folder may be NULL.
 * -ENOENT: it does not exist; -EBUSY: it is being removed; -EBADMSG: its description is invalid;
 * -EPERM: it belongs to another user, or others may change it, or a folder above it.
 * Closed in each case.
 */
int vmm_template_open(struct vmm_template *t, const char *folder, const char *name,
		      struct vsu_error *err);
void vmm_template_close(struct vmm_template *t);

/*
 * Compares an open template with this program and this host. -EPROTO: this program cannot use its
 * guest; -ESTALE: clones work, but the version of cvmm, the kernel's file or the root is another
 * than when the template was made.
 */
int vmm_template_check(const struct vmm_template *t, struct vsu_error *err);

/*
 * Checks the options of the saved machine. -EPERM: one is not of a template, such as a disk, or a folder
 * more than its description has; its clones would have it.
 */
int vmm_template_check_machine(const struct vmm_template *t, struct vsu_error *err);

/* Files for the saved machine, in the order of struct cvmm_save. */
#define VMM_TEMPLATE_FILES 3

/*
 * Begins a template: t->path is that of the incomplete one until it is published. Replaces an
 * incomplete one whose maker ended. -EEXIST: the name is in use; -EBUSY: it is being made; -EPERM:
 * vmm_template_open() would refuse the folder, or one above it.
 */
int vmm_template_begin(struct vmm_template *t, const char *folder, const char *name,
		       int fds[VMM_TEMPLATE_FILES], struct vsu_error *err);
int vmm_template_publish(struct vmm_template *t, struct vsu_error *err);
/* Removes an incomplete one. */
void vmm_template_discard(struct vmm_template *t);

/* -EBUSY: a clone or a pool runs; -ENOTEMPTY: other files are in it. */
int vmm_template_remove(const char *folder, const char *name, struct vsu_error *err);

#endif
