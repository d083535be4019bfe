/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Copies between a disk and a file with many requests in flight. Requests are filled, sent and
 * retired in the order of their offsets, so that streams work; they may complete in any order.
 *
 * Threads: confined to one.
 */
#ifndef PROGRAMS_CLIENT_COPY_H
#define PROGRAMS_CLIENT_COPY_H

#include <stdbool.h>
#include <stdint.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

/* No length was given. */
#define COPY_ALL UINT64_MAX

struct copy_args {
	const char *socket;	/* of the disk's back-end */
	const char *file;	/* "-": standard input or output */
	uint64_t offset;	/* on the disk, bytes */
	uint64_t length;	/* bytes, or COPY_ALL */
	uint64_t depth;		/* requests at once */
	uint64_t queue;		/* index of the virtqueue */
	uint64_t timeout_ms;	/* without any progress; 0: for ever */
	bool progress;		/* is shown, also without a terminal */
};

/* Messages name the options of the arguments. */
enum vsu_exit copy_to_disk(const struct copy_args *args, struct vsu_error *err);
enum vsu_exit copy_from_disk(const struct copy_args *args, struct vsu_error *err);

#endif
