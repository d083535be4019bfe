/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A guest attacks a file system device with a real folder. The input is a list of
 * requests: an operation, inode numbers that mostly exist, names that exist or lead
 * outside, interesting arguments, and a chain that is split somewhere; sometimes a
 * new session or a reset. The server may answer window requests later: requests are
 * then parked, many at a time, until it answers or refuses, or their queue is
 * stopped. New files may have complete or truncated labels.
 *
 * Invariants, in addition to those of each reply (fs-guest.h): mappings are requested
 * within the window only, files beside the folder are unchanged, and no descriptor
 * leaks.
 *
 * Finally prints its reach: completed requests by operation.
 */
#include <config.h>

#include <inttypes.h>
#include <stdio.h>

#include <virtio-devices/fs.h>

#include "fs-guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct fs_reach reached;

static void print_reach(void)
{
	fs_reach_print(&reached);
	printf(", %" PRIu64 " parked, %" PRIu64 " of them stopped, %" PRIu64 " broken rings\n",
	       reached.parked, reached.unanswered, reached.broken);
}

static void on_notify(void *opaque, uint32_t queue)
{
	(void)opaque;
	(void)queue;
}

static void init(void *guest, struct input *in)
{
	static const struct virtdev_server_ops ops = {
		.size = sizeof(ops), .notify = on_notify,
		.region_change = fs_server_change,
	};
	const uint32_t how = take(in, 1);
	struct virtdev_fs_config config = {
		.size = sizeof(config), .tag = "fuzz", .inodes = 16,
		.handles = 8, .read_only = how & 1, .xattr = !(how & 2),
		.cache = how >> 2 & 1, .submounts = how & 8,
		.window = how & 16 ? 0 : 2 * VIRTDEV_FS_WINDOW_ALIGN,
		.security_label = (how & 66) == 64,
		.nosuid = how & 128, .nodev = how & 128,
	};
	struct fs_guest *g = guest;

	fs_guest_init(g, &reached);
	g->labels = config.security_label;
	config.path = fs_folder_init(&g->folder);
	CHECK(virtdev_fs_new(&config, &g->dev, NULL) == 0);
	g->server.dev = g->dev;
	g->server.window = config.window;
	g->server.later = how & 32;
	CHECK(virtdev_set_server(g->dev, &ops, &g->server) == 0);
	fs_guest_start(g);
	fs_guest_begin(g);
}

static void act(void *guest, struct input *in)
{
	struct fs_guest *g = guest;

	if (in->p < in->end && *in->p == 0xfe) {
		take(in, 1);
		if (g->server.later && take(in, 1) & 1)
			fs_server_answer_all(&g->server);
		fs_guest_stop(g);
		virtdev_reset(g->dev);
		fs_guest_start(g);
		fs_guest_begin(g);
		return;
	}
	if (g->server.later && in->p < in->end &&
	    (*in->p == 0xfd || *in->p == 0xfc)) {
		if (take(in, 1) == 0xfd)
			fs_server_answer(&g->server, in);
		else
			fs_server_answer_all(&g->server);
		fs_guest_serve(g);
		return;
	}
	fs_guest_ask(g, in);
}

static void fini(void *guest)
{
	struct fs_guest *g = guest;

	fs_guest_stop(g);
	virtdev_free(g->dev);
	fs_folder_fini(&g->folder);
	fs_guest_fini(g);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct play course = { init, act, fini, print_reach };
	static struct fs_guest guest;

	return play(&course, &guest, data, size);
}
