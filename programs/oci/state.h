/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Containers in the file system: ROOT/ID is the folder of a container, with
 *
 *	status		a letter, which the monitor writes (see status.h)
 *	socket		of the monitor
 *	share		where only the monitor sees the files of the container
 *
 * A guest may control its monitor. Therefore "create" writes beside the folder all that commands trust:
 *
 *	:configs/ID	the configuration, as it was when the container was created; commands run its hooks
 *	:states/ID	which process is the monitor, and what belongs to the container
 *	:groups/NAME	the id of the container that has entered a control group, whose monitor locks the file
 *
 * A file of a state is replaced as a whole, so that readers need no lock. Commands that change a container
 * hold a lock of its folder. A container has stopped when its monitor has ended, also if its status
 * reports otherwise: a signal that kills the monitor ends the container.
 *
 * Threads: any; a struct is confined.
 */
#ifndef OCI_STATE_H
#define OCI_STATE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#include <vmm-sys-util/error.h>

#include "oci/spec.h"
#include "oci/status.h"

#define OCI_STATE_ID 255	/* bytes of an id */
#define OCI_STATE_PATH 4096

struct oci_state {
	char id[OCI_STATE_ID + 1];
	enum oci_status status;
	pid_t pid;		/* of the monitor; 0: none */
	uint64_t begun;		/* when it began, as in /proc/PID/stat, because numbers are reused */
	uint64_t made;		/* when its machine had all its processes, in the same unit; 0: unknown */
	char bundle[OCI_STATE_PATH];
	char root[OCI_STATE_PATH];	/* folder of its files */
	char cgroup[OCI_STATE_PATH];	/* folder of its control group; empty: none */
	char unit[256];		/* of systemd, which made the group; empty: this program did */
	int64_t created;	/* seconds since 1970 */
	uint32_t owner;		/* user */
	struct oci_spec *spec;	/* its annotations; or NULL */
	char failure[OCI_STATUS_SENTENCE]; /* of a machine that has stopped, as its monitor explained it; empty: none */
};

/*
 * Chooses the folder of all containers: the given one, /run/cvmm-oci for root of the host, or one below
 * XDG_RUNTIME_DIR, also for root of a user namespace, who may not write to /run. -ENOENT: none.
 */
bool oci_state_is_host_root(void);
int oci_state_root(const char *given, char root[OCI_STATE_PATH], struct vsu_error *err);

/*
 * Return a descriptor of the folder of a container, which the caller closes. -EPERM: other users can change the
 * folder of all containers. oci_state_create() makes
 * it and those above, and locks it; -EEXIST: the container exists. oci_state_open() finds it; -ENOENT:
 * it does not exist. -EINVAL: not an id.
 */
int oci_state_create(const char *root, const char *id, struct vsu_error *err);
int oci_state_open(const char *root, const char *id, struct vsu_error *err);

/* Waits for other commands that change the container. -ENOENT: one of them has removed it. */
int oci_state_lock(int folder, const char *id, struct vsu_error *err);

/*
 * Reads the state, whose status is that of the monitor while it runs. oci_state_fini() frees its parts. A container
 * without a file has stopped.
 */
int oci_state_read(const char *root, int folder, const char *id, struct oci_state *s, struct vsu_error *err);
void oci_state_fini(struct oci_state *s);

/* Replaces the file, without the status, by one that it makes in the folder. The annotations are those of the spec. */
int oci_state_write(const char *root, int folder, const struct oci_state *s, struct vsu_error *err);

/* Copies a configuration, and reads it again. */
int oci_state_keep_config(const char *root, const char *id, const char *path, struct vsu_error *err);
int oci_state_load_config(const char *root, const char *id, struct oci_spec **out, struct vsu_error *err);

/* OCI_GROUP_MAKE: for writing, also a file that does not exist. */
enum oci_group_access { OCI_GROUP_READ, OCI_GROUP_WRITE, OCI_GROUP_MAKE };

/* Opens the file of a control group, which only the owner of the folder of all containers can open. */
int oci_state_open_group(const char *root, const char *name, enum oci_group_access access);
void oci_state_remove_group(const char *root, const char *name);

/* Removes the folder with its files, the configuration and the state. */
int oci_state_remove(const char *root, const char *id, int folder, struct vsu_error *err);

/* Prints the state as the specification defines it. */
void oci_state_print(const struct oci_state *s, FILE *to);

/* When a process began; 0: it does not run. */
uint64_t oci_state_begun(pid_t pid);
/* The present, in the same unit. */
uint64_t oci_state_now(void);

/* A pidfd of the monitor. -ESRCH: it has ended, and another process may have its number. */
int oci_state_open_monitor(const struct oci_state *s);

/* Calls fn for each container of a folder, sorted by id. A folder that does not exist has none. */
int oci_state_each(const char *root, void (*fn)(void *opaque, const struct oci_state *s), void *opaque,
		   struct vsu_error *err);

#endif
