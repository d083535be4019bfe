/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Common part of the commands of vhost-user-tool. A command returns an exit status
 * and, unless it is 0, stores a message in *err, which main prints.
 */
#ifndef TOOLS_TOOL_H
#define TOOLS_TOOL_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <vmm-sys-util/error.h>
#include <vmm-sys-util/exit.h>

#include "copy.h"

/* The parsed command line, for all commands. */
struct tool_args {
	/* Its socket, timeout and progress are those of any command; trace: file is CONNECT. */
	struct copy_args copy;
	bool help, version;
	bool json;
	const char *device;	/* NULL: guess */
	const char *command;	/* starts the back-end; NULL: it runs */
	char *const *argv;	/* starts the front-end */
	const char *junit;	/* file of results; NULL: none */
	const char *only;	/* pattern of names; NULL: all */
	bool list;
	uint64_t reply_timeout_ms;
	const char *pcapng;	/* file of packets; NULL: none */
	bool front_end_listens;	/* on file; the back-end connects to socket */
	const char *depths, *queue_counts; /* lists of numbers */
	const char *sizes;	/* the same; NULL: those of the device */
	const char *requests;	/* list of names; NULL: those of the device */
	const char *shared_file; /* a name in a shared folder; NULL: none */
	const char *against;	/* another socket; NULL: none */
	const char *svg;	/* file of a plot; NULL: none */
	uint64_t write_percent;	/* of the requests */
	uint64_t time_ms;	/* of a measurement */
};

/* A new file of results, or NULL. */
FILE *tool_create(const char *path, struct vsu_error *err);
/* Closes it. Returns status, or VSU_EXIT_INPUT if not all of it was written. */
enum vsu_exit tool_close(FILE *file, const char *path, enum vsu_exit status, struct vsu_error *err);

/* VIRTIO's number of args->device; 0: NULL or "none". */
uint32_t tool_device_id(const char *device);

enum vsu_exit tool_info(const struct tool_args *args, struct vsu_error *err);
enum vsu_exit tool_bench(const struct tool_args *args, struct vsu_error *err);
enum vsu_exit tool_check(const struct tool_args *args, struct vsu_error *err);
enum vsu_exit tool_check_frontend(const struct tool_args *args, struct vsu_error *err);
enum vsu_exit tool_trace(const struct tool_args *args, struct vsu_error *err);

#endif
