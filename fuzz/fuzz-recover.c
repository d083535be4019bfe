/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The recovery file of a folder's session (recover), modified by an attacker
 * who knows its format, between the end of one process and the start of the
 * next. The input is a list of guest requests, ends of the process and changes
 * of the file. The guest continues with its inode numbers, and sometimes
 * repeats requests.
 *
 * Invariants, in addition to those of each reply (fs-guest.h): the next device
 * rejects the file with a sentence, or serves; files beside the folder are
 * unchanged; no descriptor leaks.
 *
 * Finally prints its reach: completed requests by operation.
 */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <virtio-devices/fs.h>
#include <vmm-sys-util/fd.h>

#include "fs-guest.h"
#include "fs-table.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHANGES_MOST 8u

static struct fs_reach reached;
static uint64_t taken, lost, refused;

struct life {
	struct fs_guest guest;
	struct virtdev_fs_config config;
	char table[128];
};

static void print_reach(void)
{
	fs_reach_print(&reached);
	printf(", %" PRIu64 " sessions taken, %" PRIu64 " files of them lost, %" PRIu64 " refused\n",
	       taken, lost, refused);
}

static uint64_t files_lost(struct virtdev *dev)
{
	struct virtdev_stat stats[16];
	const uint32_t n = virtdev_stats(dev, stats, 16);
	uint32_t i;

	for (i = 0; i < n && i < 16; i++)
		if (!strcmp(stats[i].name, "lost"))
			return stats[i].value;
	return 0;
}

/* -------------------------------------------------------------- its processes */

/* Ends the process as if it was killed: neither guest nor file is notified. */
static void process_end(struct life *l)
{
	struct fs_guest *g = &l->guest;

	fs_guest_stop(g);
	virtdev_free(g->dev);
	g->dev = NULL;
}

static bool process_try(struct life *l)
{
	struct vsu_error err = VSU_ERROR_INIT;
	const int rc = virtdev_fs_new(&l->config, &l->guest.dev, &err);

	CHECK(rc >= 0 || *err.msg);
	return rc >= 0;
}

/* Without a file nothing can be rejected. */
static void process_begin(struct life *l, bool somebody_leaves)
{
	struct fs_guest *g = &l->guest;
	const bool is_taken = process_try(l);

	taken += is_taken;
	refused += !is_taken;
	if (!is_taken) {
		CHECK(unlink(l->table) == 0);
		CHECK(process_try(l));
	}
	lost += files_lost(g->dev);
	if (somebody_leaves)
		virtdev_reset(g->dev);
	fs_guest_start(g);
	if (!is_taken)
		fs_guest_begin(g);
}

static void process_next(struct life *l, struct input *in)
{
	const uint32_t n = take(in, 1);
	uint32_t i;
	int fd;

	process_end(l);
	fd = open(l->table, O_RDWR | O_CLOEXEC);
	CHECK(fd >= 0);
	for (i = 0; i < n % CHANGES_MOST; i++)
		fs_table_change(fd, in);
	vsu_fd_close(&fd);
	if (n & 0x80)
		l->config.read_only = !l->config.read_only;
	process_begin(l, n & 0x40);
}

/* --------------------------------------------------------------------- course */

static void init(void *life, struct input *in)
{
	const uint32_t how = take(in, 1);
	struct life *l = life;

	memset(l, 0, sizeof(*l));
	fs_guest_init(&l->guest, &reached);
	l->guest.labels = how & 4;
	l->config = (struct virtdev_fs_config){
		.size = sizeof(l->config), .tag = "fuzz",
		.inodes = FS_TABLE_INODES, .handles = FS_TABLE_HANDLES,
		.file_handles = how & 1, .submounts = how & 2, .xattr = true,
		.security_label = how & 4,
		.path = fs_folder_init(&l->guest.folder), .recover = l->table,
	};
	snprintf(l->table, sizeof(l->table), "%s/../table", l->config.path);
	CHECK(process_try(l));
	fs_guest_start(&l->guest);
	fs_guest_begin(&l->guest);
}

static void act(void *life, struct input *in)
{
	struct life *l = life;
	struct fs_guest *g = &l->guest;

	if (*in->p == 0xfe) {
		take(in, 1);
		process_next(l, in);
		return;
	}
	/* the same number as before, or the next one */
	if (*in->p == 0xfd)
		take(in, 1);
	else
		g->unique += FS_GUEST_SLOTS;
	fs_guest_ask(g, in);
}

static void fini(void *life)
{
	struct life *l = life;

	process_end(l);
	fs_folder_fini(&l->guest.folder);
	fs_guest_fini(&l->guest);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct life life;

	return play(&course, &life, data, size);
}
