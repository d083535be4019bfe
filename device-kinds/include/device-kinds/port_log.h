/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A log of bounded size: a file to which the output of a guest's port is appended. When FILE is
 * full, its content moves to FILE.1, which loses its former content.
 *
 * Both files are opened at the start, and no name is used later: a sandbox or a jail need not
 * permit a rename. So a full file is copied to FILE.1 and truncated. N bytes that are added copy
 * up to 16 N, and 64 KiB more: callers that must not wait add little in one turn. The writes meanwhile
 * append to FILE, and are copied too. Neither file exceeds the size. While a copy is in progress, FILE has everything that FILE.1 has.
 *
 * If a write fails, as on a full file system, the bytes are lost and counted. The failure is
 * reported once until a write succeeds. Both files are locked: two machines that append to one
 * file would exceed its size, and copy and truncate what the other has written.
 *
 * Threads: one at a time.
 */
#ifndef DEVICE_KINDS_PORT_LOG_H
#define DEVICE_KINDS_PORT_LOG_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <device-kinds/attributes.h>
#include <vmm-sys-util/error.h>

VSU_BEGIN_DECLS

/* Limits and default of the size of each of the two files, in bytes. */
#define DEVKIND_PORT_LOG_MIN (UINT64_C(64) << 10)
#define DEVKIND_PORT_LOG_MAX (UINT64_C(1) << 40)
#define DEVKIND_PORT_LOG_SIZE (UINT64_C(16) << 20)
#define DEVKIND_PORT_LOG_PRESET "16M"

struct devkind_port_log;

struct devkind_port_log_config {
	const char *path;	/* FILE; borrowed for the call */
	uint64_t size;		/* bytes, from _MIN to _MAX; 0: DEVKIND_PORT_LOG_SIZE */
	bool shared;		/* another process hands the guest over and has it locked:
				 * devkind_port_log_hold() follows */
	bool trial;		/* checks, and creates no file */
	/* A sentence for the operator; or NULL. */
	void (*warn)(void *opaque, const char *text);
	void *opaque;
};

/* Creates both files where they are missing, for rules of a sandbox. */
DEVKIND_API int devkind_port_log_create(const char *path, struct vsu_error *err) VSU_NODISCARD;

/* The name of FILE.1; the caller frees it. NULL: no memory. */
DEVKIND_API char *devkind_port_log_former(const char *path);

/*
 * A file that exists is kept and continued. -EBUSY: another log has it open; -EINVAL: config or
 * its path is NULL, the size is beyond its limits, not a regular file, or a descriptor ("fd:N"), which has no FILE.1.
 */
DEVKIND_API int devkind_port_log_open(const struct devkind_port_log_config *config,
				      struct devkind_port_log **out, struct vsu_error *err)
	VSU_NODISCARD;

/* Appends, and returns how many bytes were written; the others are lost. */
DEVKIND_API uint64_t devkind_port_log_add(struct devkind_port_log *log, const struct iovec *iov,
					  int n);

/*
 * The guest comes to this process, or leaves it. A log that was released is lost to what is
 * added. hold: -EBUSY: another log has a lock.
 */
DEVKIND_API int devkind_port_log_hold(struct devkind_port_log *log, struct vsu_error *err)
	VSU_NODISCARD;
DEVKIND_API void devkind_port_log_release(struct devkind_port_log *log);

/* Bytes that were lost, in total. */
DEVKIND_API uint64_t devkind_port_log_lost(const struct devkind_port_log *log);

/* log may be NULL. */
DEVKIND_API void devkind_port_log_close(struct devkind_port_log *log);

VSU_END_DECLS

#endif
