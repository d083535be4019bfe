/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Requests of a hostile driver to a file system behind a vhost-user socket, which the kernel of a guest
 * would not send.
 *
 *   fs-attacks SOCKET rename OLD NEW FLAGS
 *   fs-attacks SOCKET link OLD NEW	links the file of that node, the last name of NEW is new
 *   fs-attacks SOCKET unnamed FOLDER NEW
 *					makes a file without a name, and links it
 *   fs-attacks SOCKET node NAME MODE RDEV
 *					makes a FIFO, socket or device; MODE in octal
 *   fs-attacks SOCKET names FOLDER	looks up names that no kernel sends: ".", "..", with slashes,
 *					without an end, of 255 and 256 bytes
 *					Prints each that exists
 *   fs-attacks SOCKET plus FOLDER	reads all files of a list with attributes (READDIRPLUS)
 *   fs-attacks SOCKET nodes		opens, reads and maps nodes that no lookup returned
 *   fs-attacks SOCKET copy TO		copies into a file by nodes and handles that it guesses
 *   fs-attacks SOCKET later PATH	looks up a file, prints "held" to standard error, and opens and
 *					reads it at a byte of standard input
 *
 * The first four print "ok" or the number of the error. Contents of files go to standard output.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs-session.h"

#define PIECE 4096u
#define NODES 300u		/* more than a lookup of this program returns */
#define NAMES_MAX (2 * PATH_MAX)

/* The reply of the device is the result, also if it is an error. */
static enum vsu_exit print_result(const struct fs *fs, enum vsu_exit status)
{
	if (status == VSU_EXIT_FAIL && fs->error)
		printf("%d\n", -fs->error);
	else if (status == VSU_EXIT_OK)
		puts("ok");
	return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
}

/* Finds the folder of a path; returns the last name. */
static const char *find_folder(struct fs *fs, const char *path, uint64_t *folder, enum vsu_exit *status, struct vsu_error *err)
{
	const char *slash = strrchr(path, '/');
	char above[PATH_MAX];

	snprintf(above, sizeof(above), "%.*s", slash ? (int)(slash - path) : 0, path);
	*status = fs_find(fs, folder, above, err);
	return slash ? slash + 1 : path;
}

/* A request whose payload is a structure and names. */
static enum vsu_exit ask_names(struct fs *fs, uint32_t opcode, uint64_t node, const void *args, size_t len,
			       const char *first, const char *second, struct vsu_error *err)
{
	char bytes[NAMES_MAX];
	size_t at = len;

	memcpy(bytes, args, len);
	at += (size_t)snprintf(bytes + at, PATH_MAX, "%s", first) + 1;
	if (second)
		at += (size_t)snprintf(bytes + at, NAME_MAX + 1, "%s", second) + 1;
	return fs_ask(fs, opcode, node, bytes, (uint32_t)at, sizeof(struct fuse_entry_out) + sizeof(struct fuse_open_out), err);
}

static enum vsu_exit do_rename(struct fs *fs, char **argv, struct vsu_error *err)
{
	struct fuse_rename2_in how = { .flags = (uint32_t)strtoul(argv[2], NULL, 10) };
	enum vsu_exit status;
	uint64_t from, to;
	const char *old = find_folder(fs, argv[0], &from, &status, err), *new = NULL;

	if (status == VSU_EXIT_OK)
		new = find_folder(fs, argv[1], &to, &status, err);
	if (status == VSU_EXIT_OK) {
		how.newdir = to;
		status = ask_names(fs, FUSE_RENAME2, from, &how, sizeof(how), old, new, err);
	}
	return print_result(fs, status);
}

static enum vsu_exit link_node(struct fs *fs, uint64_t node, const char *path, struct vsu_error *err)
{
	const struct fuse_link_in how = { .oldnodeid = node };
	enum vsu_exit status;
	uint64_t folder;
	const char *name = find_folder(fs, path, &folder, &status, err);

	return status == VSU_EXIT_OK ? ask_names(fs, FUSE_LINK, folder, &how, sizeof(how), name, NULL, err) : status;
}

static enum vsu_exit do_link(struct fs *fs, char **argv, struct vsu_error *err)
{
	uint64_t node;
	enum vsu_exit status = fs_find(fs, &node, argv[0], err);

	return print_result(fs, status == VSU_EXIT_OK ? link_node(fs, node, argv[1], err) : status);
}

static enum vsu_exit do_unnamed(struct fs *fs, char **argv, struct vsu_error *err)
{
	const struct fuse_create_in how = { .flags = O_RDWR, .mode = S_IFREG | 0644 };
	struct fuse_entry_out entry;
	uint64_t folder;
	enum vsu_exit status = fs_find(fs, &folder, argv[0], err);

	if (status == VSU_EXIT_OK)
		status = ask_names(fs, FUSE_TMPFILE, folder, &how, sizeof(how), "", NULL, err);
	if (status == VSU_EXIT_OK) {
		memcpy(&entry, fs->answer, sizeof(entry));
		status = link_node(fs, entry.nodeid, argv[1], err);
	}
	return print_result(fs, status);
}

static enum vsu_exit do_node(struct fs *fs, char **argv, struct vsu_error *err)
{
	const struct fuse_mknod_in how = {
		.mode = (uint32_t)strtoul(argv[1], NULL, 8), .rdev = (uint32_t)strtoul(argv[2], NULL, 10),
	};
	enum vsu_exit status;
	uint64_t folder;
	const char *name = find_folder(fs, argv[0], &folder, &status, err);

	return print_result(fs, status == VSU_EXIT_OK ?
				ask_names(fs, FUSE_MKNOD, folder, &how, sizeof(how), name, NULL, err) : status);
}

/* ---------------------------------------------------------------- content */

/* Errors of the device are expected. */
static enum vsu_exit print_content(struct fs *fs, uint64_t node, uint64_t handle, struct vsu_error *err)
{
	const struct fuse_read_in read = { .fh = handle, .size = PIECE };
	enum vsu_exit status = fs_ask(fs, FUSE_READ, node, &read, sizeof(read), PIECE, err);

	if (status == VSU_EXIT_OK)
		fwrite(fs->answer, 1, fs->answer_len, stdout);
	return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
}

static enum vsu_exit print_node(struct fs *fs, uint64_t node, struct vsu_error *err)
{
	uint64_t handle;
	enum vsu_exit status = fs_open(fs, FUSE_OPEN, node, &handle, err);

	if (status != VSU_EXIT_OK)
		return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
	status = print_content(fs, node, handle, err);
	return status == VSU_EXIT_OK ? fs_release(fs, FUSE_RELEASE, node, handle, err) : status;
}

static enum vsu_exit do_later(struct fs *fs, char **argv, struct vsu_error *err)
{
	uint64_t node;
	enum vsu_exit status = fs_find(fs, &node, argv[0], err);

	if (status != VSU_EXIT_OK)
		return status;
	fputs("held\n", stderr);
	return getchar() == EOF ? VSU_EXIT_HOST : print_node(fs, node, err);
}

static enum vsu_exit try_name(struct fs *fs, uint64_t folder, const char *name, size_t len, struct vsu_error *err)
{
	enum vsu_exit status = fs_ask(fs, FUSE_LOOKUP, folder, name, (uint32_t)len, sizeof(struct fuse_entry_out), err);

	if (status == VSU_EXIT_OK)
		printf("%.40s exists\n", name);
	return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
}

static enum vsu_exit do_names(struct fs *fs, char **argv, struct vsu_error *err)
{
	static const char *const names[] = { ".", "..", "", "/", "./key", "../secret/key", "key/", "/etc/passwd" };
	char name[NAME_MAX + 2];
	uint64_t folder;
	enum vsu_exit status = fs_find(fs, &folder, argv[0], err);
	size_t i;

	for (i = 0; status == VSU_EXIT_OK && i < sizeof(names) / sizeof(names[0]); i++)
		status = try_name(fs, folder, names[i], strlen(names[i]) + 1, err);
	if (status == VSU_EXIT_OK)
		status = try_name(fs, folder, "key", 3, err);
	memset(name, 'k', sizeof(name));
	for (i = NAME_MAX; status == VSU_EXIT_OK && i <= NAME_MAX + 1; i++) {
		name[i] = '\0';
		status = try_name(fs, folder, name, i + 1, err);
		name[i] = 'k';
	}
	return status;
}

/* The node of each entry of the reply, or 0. */
static size_t nodes_of(const struct fs *fs, uint64_t *nodes, size_t max)
{
	const size_t head = sizeof(struct fuse_entry_out);
	struct fuse_entry_out entry;
	struct fuse_dirent d;
	size_t n = 0, at = 0;

	while (n < max && at + head + FUSE_NAME_OFFSET <= fs->answer_len) {
		memcpy(&entry, fs->answer + at, head);
		memcpy(&d, fs->answer + at + head, FUSE_NAME_OFFSET);
		printf("%.*s\n", (int)d.namelen, (const char *)fs->answer + at + head + FUSE_NAME_OFFSET);
		nodes[n++] = entry.nodeid;
		at += head + FUSE_REC_ALIGN(FUSE_NAME_OFFSET + d.namelen);
	}
	return n;
}

static enum vsu_exit do_plus(struct fs *fs, char **argv, struct vsu_error *err)
{
	struct fuse_read_in read = { .size = 16 * PIECE };
	uint64_t folder, nodes[64];
	enum vsu_exit status = fs_find(fs, &folder, argv[0], err);
	size_t i, n = 0;

	if (status == VSU_EXIT_OK)
		status = fs_open(fs, FUSE_OPENDIR, folder, &read.fh, err);
	if (status == VSU_EXIT_OK)
		status = fs_ask(fs, FUSE_READDIRPLUS, folder, &read, sizeof(read), read.size, err);
	if (status == VSU_EXIT_OK)
		n = nodes_of(fs, nodes, sizeof(nodes) / sizeof(nodes[0]));
	for (i = 0; status == VSU_EXIT_OK && i < n; i++)
		if (nodes[i])
			status = print_node(fs, nodes[i], err);
	return status;
}

/* ----------------------------------------------------------------- guesses */

static enum vsu_exit map_node(struct fs *fs, uint64_t node, struct vsu_error *err)
{
	const struct fuse_setupmapping_in map = { .fh = node, .len = 4096, .flags = FUSE_SETUPMAPPING_FLAG_READ };
	enum vsu_exit status = fs_ask(fs, FUSE_SETUPMAPPING, node, &map, sizeof(map), 0, err);

	if (status == VSU_EXIT_OK)
		printf("node %" PRIu64 " is mapped\n", node);
	return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
}

static enum vsu_exit do_nodes(struct fs *fs, char **argv, struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_OK;
	uint64_t node;

	(void)argv;
	for (node = 0; status == VSU_EXIT_OK && node < NODES; node++) {
		status = print_node(fs, node, err);
		if (status == VSU_EXIT_OK)
			status = print_content(fs, node, node, err);
		if (status == VSU_EXIT_OK)
			status = map_node(fs, node, err);
	}
	return status;
}

static enum vsu_exit copy_from(struct fs *fs, uint64_t from, uint64_t handle, uint64_t to, uint64_t out, struct vsu_error *err)
{
	const struct fuse_copy_file_range_in how = {
		.fh_in = handle, .nodeid_out = to, .fh_out = out, .len = PIECE,
	};
	enum vsu_exit status = fs_ask(fs, FUSE_COPY_FILE_RANGE, from, &how, sizeof(how), sizeof(struct fuse_write_out), err);

	if (status == VSU_EXIT_OK)
		puts("copied");
	return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
}

/* Nodes and handles of others that this driver has not got. */
static enum vsu_exit do_copy(struct fs *fs, char **argv, struct vsu_error *err)
{
	uint64_t to, out, node;
	const struct fuse_open_in how = { .flags = O_WRONLY };
	struct fuse_open_out opened;
	enum vsu_exit status = fs_find(fs, &to, argv[0], err);

	if (status == VSU_EXIT_OK)
		status = fs_ask(fs, FUSE_OPEN, to, &how, sizeof(how), sizeof(opened), err);
	if (status != VSU_EXIT_OK)
		return status;
	memcpy(&opened, fs->answer, sizeof(opened));
	out = opened.fh;
	for (node = 0; status == VSU_EXIT_OK && node < NODES; node++)
		if (node != to)
			status = copy_from(fs, node, node, to, out, err);
	return status;
}

static const struct command {
	const char *name;
	int operands;
	enum vsu_exit (*run)(struct fs *fs, char **argv, struct vsu_error *err);
} commands[] = {
	{ "rename", 3, do_rename }, { "link", 2, do_link }, { "unnamed", 2, do_unnamed },
	{ "node", 3, do_node }, { "names", 1, do_names }, { "plus", 1, do_plus },
	{ "nodes", 0, do_nodes }, { "copy", 1, do_copy }, { "later", 1, do_later },
};

static enum vsu_exit run(struct fs *fs, int argc, char **argv, struct vsu_error *err)
{
	const struct command *c = commands;
	enum vsu_exit status;

	while (c < commands + sizeof(commands) / sizeof(commands[0]) && (strcmp(c->name, argv[0]) || c->operands != argc - 1))
		c++;
	if (c == commands + sizeof(commands) / sizeof(commands[0])) {
		vsu_error_set(err, -EINVAL, "use: fs-attacks SOCKET rename OLD NEW FLAGS, link OLD NEW, unnamed FOLDER NEW, node NAME MODE RDEV, names FOLDER, plus FOLDER, nodes, copy TO, or later PATH");
		return VSU_EXIT_USAGE;
	}
	status = fs_begin(fs, err);
	return status == VSU_EXIT_OK ? c->run(fs, argv + 1, err) : status;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct fs fs = { .unique = 0 };
	enum vsu_exit status;

	if (argc < 3)
		return VSU_EXIT_USAGE;
	status = queues_open(&fs.q, argv[1], 0, 0, &err);
	if (status == VSU_EXIT_OK) {
		status = run(&fs, argc - 2, argv + 2, &err);
		queues_close(&fs.q, false);
	}
	if (fflush(stdout))
		status = VSU_EXIT_HOST;
	if (status != VSU_EXIT_OK)
		fprintf(stderr, "%s\n", err.msg);
	return status;
}
