/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The driver of a file system behind a vhost-user socket.
 *
 *   fs-driver SOCKET read PATH      writes the content of a file to standard output
 *   fs-driver SOCKET list PATH      prints the names in a folder, one per line
 *   fs-driver SOCKET try NAME       looks up the unmodified name, and opens it for
 *                                   reading; prints "lookup", "open" or "read" with
 *                                   the error, or "ok"
 *   fs-driver SOCKET cut PATH       opens a file for writing, as a user whose writes
 *                                   clear SUID, and truncates it to 0 by O_TRUNC
 *   fs-driver SOCKET make NAME UID GID GROUP
 *                                   creates a folder as that user with the
 *                                   supplementary group GROUP, and prints its owner
 *                                   and mode, or "make" with the error
 *   fs-driver SOCKET race PATH N A B
 *                                   looks up and reads a file N times while a
 *                                   process of the host exchanges A and B; the
 *                                   status is 1 if the content ever begins with
 *                                   "outside"
 *
 *   fs-driver SOCKET move PATH SOCKET2 KEEP
 *                                   as read, but the state of the device is moved
 *                                   to the one behind SOCKET2 after the first piece
 *                                   of the file; the state remains in the file KEEP
 *   fs-driver SOCKET load KEEP      loads that state: "ok" or "refused"
 *
 *   fs-driver SOCKET outlive PATH   as read, but after the first piece it prints
 *                                   "waiting" to standard error, waits for a byte of
 *                                   standard input, reconnects, and continues its
 *                                   session
 *
 *   fs-driver SOCKET label NAME     creates a link of that name with the attribute
 *                                   "security.test" of value "label"; prints "ok" or
 *                                   "label" with the error
 *
 *   fs-driver SOCKET beside PATH OTHER
 *                                   reads OTHER while a read of PATH is unanswered
 *
 *   fs-driver SOCKET late PATH      sends a read and disconnects at a byte of
 *                                   standard input; at the next byte it prints
 *                                   whether its memory was modified since:
 *                                   "untouched" or "stored"
 *
 *   fs-driver SOCKET hold PATH      opens a file, prints "held" to standard error,
 *                                   and closes it at a byte of standard input or its
 *                                   end
 *
 *   fs-driver SOCKET shorten PATH   truncates a file to 0 without opening it
 *
 *   fs-driver SOCKET wear PATH N    opens and closes a file N times; prints the
 *                                   number of successes, and the first error or 0
 *
 * PATH is looked up component by component, as a kernel does that follows no
 * links.
 */
#define _GNU_SOURCE
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fuse.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs-session.h"

/* Not a divisor of any page size, so that reads start at any offset. */
#define PIECE 65000u

static enum vsu_exit file_piece(struct fs *fs, uint64_t node, uint64_t handle,
				uint64_t offset, struct vsu_error *err)
{
	const struct fuse_read_in read = {
		.fh = handle, .size = PIECE, .offset = offset,
	};

	return fs_ask(fs, FUSE_READ, node, &read, sizeof(read), PIECE, err);
}

static enum vsu_exit file_print(struct fs *fs, uint64_t node, uint64_t handle,
				uint64_t offset, struct vsu_error *err)
{
	enum vsu_exit status;

	do {
		status = file_piece(fs, node, handle, offset, err);
		if (status != VSU_EXIT_OK)
			return status;
		fwrite(fs->answer, 1, fs->answer_len, stdout);
		offset += fs->answer_len;
	} while (fs->answer_len);
	return VSU_EXIT_OK;
}

static enum vsu_exit find_and_open(struct fs *fs, const char *path,
				   uint64_t *node, uint64_t *handle,
				   struct vsu_error *err)
{
	enum vsu_exit status = fs_find(fs, node, path, err);

	return status == VSU_EXIT_OK ?
	       fs_open(fs, FUSE_OPEN, *node, handle, err) : status;
}

static enum vsu_exit do_read(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err)
{
	uint64_t node, handle;
	enum vsu_exit status = find_and_open(fs, path, &node, &handle, err);

	(void)more;
	if (status != VSU_EXIT_OK)
		return status;
	status = file_print(fs, node, handle, 0, err);
	return status == VSU_EXIT_OK ?
	       fs_release(fs, FUSE_RELEASE, node, handle, err) : status;
}

/*
 * The rings stop, a file transfers the state, and the previous device has none.
 */
static enum vsu_exit go_over(struct fs *fs, const char *socket, int fd,
			     struct vsu_error *err)
{
	enum vsu_exit status = VSU_EXIT_HOST;

	if (vhost_user_frontend_stop(fs->q.client.fe, err) == 0)
		status = client_wait(&fs->q.client, err);
	if (status == VSU_EXIT_OK)
		status = client_move_state(&fs->q.client, false, fd, err);
	queues_close(&fs->q, false);
	if (status == VSU_EXIT_OK)
		status = queues_open(&fs->q, socket, 0, 0, err);
	lseek(fd, 0, SEEK_SET);
	if (status == VSU_EXIT_OK)
		status = client_move_state(&fs->q.client, true, fd, err);
	return status == VSU_EXIT_OK ? fs_join(fs, err) : status;
}

static enum vsu_exit do_move(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err)
{
	uint64_t node, handle;
	int fd = open(more[1], O_CREAT | O_TRUNC | O_RDWR | O_CLOEXEC, 0600);
	enum vsu_exit status = fs_find(fs, &node, path, err);

	if (status == VSU_EXIT_OK)
		status = fs_open(fs, FUSE_OPEN, node, &handle, err);
	if (status == VSU_EXIT_OK)
		status = file_piece(fs, node, handle, 0, err);
	if (status == VSU_EXIT_OK) {
		fwrite(fs->answer, 1, fs->answer_len, stdout);
		status = go_over(fs, more[0], fd, err);
	}
	close(fd);
	if (status == VSU_EXIT_OK)
		status = file_print(fs, node, handle, PIECE, err);
	return status == VSU_EXIT_OK ?
	       fs_release(fs, FUSE_RELEASE, node, handle, err) : status;
}

static enum vsu_exit come_again(struct fs *fs, const char *socket,
				struct vsu_error *err)
{
	enum vsu_exit status;

	fflush(stdout);
	fputs("waiting\n", stderr);
	if (getchar() == EOF)
		return VSU_EXIT_HOST;
	queues_close(&fs->q, false);
	status = queues_open(&fs->q, socket, 0, 0, err);
	return status == VSU_EXIT_OK ? fs_join(fs, err) : status;
}

static enum vsu_exit do_outlive(struct fs *fs, const char *path,
				char *const *more, struct vsu_error *err)
{
	uint64_t node, handle;
	enum vsu_exit status = fs_find(fs, &node, path, err);

	(void)more;
	if (status == VSU_EXIT_OK)
		status = fs_open(fs, FUSE_OPEN, node, &handle, err);
	if (status == VSU_EXIT_OK)
		status = file_piece(fs, node, handle, 0, err);
	if (status != VSU_EXIT_OK)
		return status;
	fwrite(fs->answer, 1, fs->answer_len, stdout);
	status = come_again(fs, fs->q.client.socket, err);
	if (status == VSU_EXIT_OK)
		status = file_print(fs, node, handle, PIECE, err);
	return status == VSU_EXIT_OK ?
	       fs_release(fs, FUSE_RELEASE, node, handle, err) : status;
}

static enum vsu_exit do_load(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	enum vsu_exit status = client_move_state(&fs->q.client, true, fd, err);

	(void)more;
	close(fd);
	if (status != VSU_EXIT_OK && status != VSU_EXIT_FAIL)
		return status;
	puts(status == VSU_EXIT_OK ? "ok" : "refused");
	return VSU_EXIT_OK;
}

static enum vsu_exit do_beside(struct fs *fs, const char *path, char *const *more,
			       struct vsu_error *err)
{
	struct fuse_read_in read = { .size = 4096 };
	uint64_t node;
	enum vsu_exit status = fs_find(fs, &node, path, err);

	if (status == VSU_EXIT_OK)
		status = fs_open(fs, FUSE_OPEN, node, &read.fh, err);
	if (status == VSU_EXIT_OK)
		status = fs_leave(fs, FUSE_READ, node, &read, sizeof(read),
				  read.size, err);
	return status == VSU_EXIT_OK ? do_read(fs, more[0], NULL, err) : status;
}

static bool all_are(const unsigned char *bytes, size_t n, unsigned char one)
{
	while (n && *bytes == one)
		n--, bytes++;
	return !n;
}

/* The memory stays mapped in this process, also if others map it. */
static enum vsu_exit do_late(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err)
{
	const unsigned char byte = 0x5a;
	struct fuse_read_in read = { .size = PIECE };
	unsigned char *room;
	uint64_t node;
	enum vsu_exit status = fs_find(fs, &node, path, err);

	(void)more;
	if (status == VSU_EXIT_OK)
		status = fs_open(fs, FUSE_OPEN, node, &read.fh, err);
	if (status != VSU_EXIT_OK)
		return status;
	room = (unsigned char *)(uintptr_t)fs->answer;
	memset(room, byte, PIECE);
	status = fs_leave(fs, FUSE_READ, node, &read, sizeof(read), PIECE, err);
	if (status != VSU_EXIT_OK || getchar() == EOF)
		return VSU_EXIT_HOST;
	client_close(&fs->q.client);
	if (getchar() == EOF)
		return VSU_EXIT_HOST;
	puts(all_are(room, PIECE, byte) ? "untouched" : "stored");
	return VSU_EXIT_OK;
}

/* Prints the names of one reply; sets offset to the next entry. */
static void names_print(const struct fs *fs, uint64_t *offset)
{
	struct fuse_dirent entry;
	uint32_t done = 0;

	while (done + FUSE_NAME_OFFSET <= fs->answer_len) {
		memcpy(&entry, fs->answer + done, FUSE_NAME_OFFSET);
		printf("%.*s\n", (int)entry.namelen,
		       (const char *)fs->answer + done + FUSE_NAME_OFFSET);
		*offset = entry.off;
		done += (uint32_t)FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET +
						    entry.namelen);
	}
}

static enum vsu_exit do_list(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err)
{
	struct fuse_read_in read = { .size = PIECE };
	uint64_t node;
	enum vsu_exit status = fs_find(fs, &node, path, err);

	(void)more;
	if (status == VSU_EXIT_OK)
		status = fs_open(fs, FUSE_OPENDIR, node, &read.fh, err);
	fs->answer_len = 1;
	while (status == VSU_EXIT_OK && fs->answer_len) {
		status = fs_ask(fs, FUSE_READDIR, node, &read, sizeof(read), PIECE,
			     err);
		if (status == VSU_EXIT_OK)
			names_print(fs, &read.offset);
	}
	return status == VSU_EXIT_OK ?
	       fs_release(fs, FUSE_RELEASEDIR, node, read.fh, err) : status;
}

/* Any reply of the device is a valid result. */
static enum vsu_exit step_print(const struct fs *fs, const char *step,
				enum vsu_exit status)
{
	if (status == VSU_EXIT_FAIL && fs->error)
		printf("%s %d\n", step, -fs->error);
	return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
}

static enum vsu_exit do_try(struct fs *fs, const char *name, char *const *more,
			    struct vsu_error *err)
{
	uint64_t node = FUSE_ROOT_ID, handle;
	enum vsu_exit status = fs_find_name(fs, &node, name, err);

	(void)more;
	if (status != VSU_EXIT_OK)
		return step_print(fs, "lookup", status);
	status = fs_open(fs, FUSE_OPEN, node, &handle, err);
	if (status != VSU_EXIT_OK)
		return step_print(fs, "open", status);
	status = file_piece(fs, node, handle, 0, err);
	if (status != VSU_EXIT_OK)
		return step_print(fs, "read", status);
	puts("ok");
	return VSU_EXIT_OK;
}

static enum vsu_exit do_cut(struct fs *fs, const char *path, char *const *more,
			    struct vsu_error *err)
{
	const struct fuse_open_in how = {
		.flags = O_WRONLY | O_TRUNC,
		.open_flags = FUSE_OPEN_KILL_SUIDGID,
	};
	uint64_t node;
	enum vsu_exit status = fs_find(fs, &node, path, err);

	(void)more;
	return status == VSU_EXIT_OK ?
	       fs_ask(fs, FUSE_OPEN, node, &how, sizeof(how),
		      sizeof(struct fuse_open_out), err) : status;
}

static enum vsu_exit do_hold(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err)
{
	uint64_t node, handle;
	enum vsu_exit status = find_and_open(fs, path, &node, &handle, err);

	(void)more;
	if (status != VSU_EXIT_OK)
		return status;
	fputs("held\n", stderr);
	(void)!getchar();
	return fs_release(fs, FUSE_RELEASE, node, handle, err);
}

static enum vsu_exit do_shorten(struct fs *fs, const char *path,
				char *const *more, struct vsu_error *err)
{
	const struct fuse_setattr_in how = { .valid = FATTR_SIZE };
	uint64_t node;
	enum vsu_exit status = fs_find(fs, &node, path, err);

	(void)more;
	return status == VSU_EXIT_OK ?
	       fs_ask(fs, FUSE_SETATTR, node, &how, sizeof(how),
		      sizeof(struct fuse_attr_out), err) : status;
}

static enum vsu_exit do_wear(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err)
{
	const unsigned long n = strtoul(more[0], NULL, 10);
	unsigned long i = 0;
	uint64_t node, handle;
	enum vsu_exit status = fs_find(fs, &node, path, err);

	if (status != VSU_EXIT_OK)
		return status;
	for (; i < n && status == VSU_EXIT_OK; i += status == VSU_EXIT_OK) {
		status = fs_open(fs, FUSE_OPEN, node, &handle, err);
		if (status == VSU_EXIT_OK)
			status = fs_release(fs, FUSE_RELEASE, node, handle, err);
	}
	printf("%lu %d\n", i, -fs->error);
	return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
}

/* The request's payload is mode, name, and the group as an extension. */
static enum vsu_exit folder_make(struct fs *fs, const char *name,
				 uint32_t group, struct vsu_error *err)
{
	const struct fuse_mkdir_in how = { .mode = 0755 };
	const uint32_t extension[] = { 16, 32, 1, group };
	const size_t text = strlen(name) + 1;
	unsigned char bytes[sizeof(how) + NAME_MAX + 1 + sizeof(extension)];
	enum vsu_exit status;

	memcpy(bytes, &how, sizeof(how));
	memcpy(bytes + sizeof(how), name, text);
	memcpy(bytes + sizeof(how) + text, extension, sizeof(extension));
	fs->extensions = sizeof(extension);
	status = fs_ask(fs, FUSE_MKDIR, FUSE_ROOT_ID, bytes,
			(uint32_t)(sizeof(how) + text + sizeof(extension)),
			sizeof(struct fuse_entry_out), err);
	fs->extensions = 0;
	return status;
}

static enum vsu_exit do_make(struct fs *fs, const char *name, char *const *more,
			     struct vsu_error *err)
{
	struct fuse_entry_out entry;
	enum vsu_exit status;

	if (strlen(name) > NAME_MAX)
		return VSU_EXIT_USAGE;
	fs->uid = (uint32_t)strtoul(more[0], NULL, 10);
	fs->gid = (uint32_t)strtoul(more[1], NULL, 10);
	status = folder_make(fs, name, (uint32_t)strtoul(more[2], NULL, 10),
			     err);
	if (status != VSU_EXIT_OK)
		return step_print(fs, "make", status);
	memcpy(&entry, fs->answer, sizeof(entry));
	printf("%u %u %o\n", entry.attr.uid, entry.attr.gid, entry.attr.mode);
	return VSU_EXIT_OK;
}

/* Errors of the device are expected. */
static enum vsu_exit race_once(struct fs *fs, const char *path,
			       unsigned long *reads, struct vsu_error *err)
{
	static const char wrong[] = "outside";
	uint64_t node, handle;
	enum vsu_exit status = fs_find(fs, &node, path, err);

	if (status == VSU_EXIT_OK)
		status = fs_open(fs, FUSE_OPEN, node, &handle, err);
	if (status == VSU_EXIT_OK)
		status = file_piece(fs, node, handle, 0, err);
	if (status != VSU_EXIT_OK)
		return status == VSU_EXIT_FAIL && fs->error ? VSU_EXIT_OK : status;
	++*reads;
	if (fs->answer_len >= sizeof(wrong) - 1 &&
	    !memcmp(fs->answer, wrong, sizeof(wrong) - 1)) {
		vsu_error_set(err, -EACCES, "read what is outside of the folder");
		return VSU_EXIT_FAIL;
	}
	return fs_release(fs, FUSE_RELEASE, node, handle, err);
}

/* Runs until killed. */
static void places_change(const char *a, const char *b)
{
	while (renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE) == 0)
		;
	_exit(1);
}

static enum vsu_exit do_race(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err)
{
	const unsigned long n = strtoul(more[0], NULL, 10);
	unsigned long i, reads = 0;
	enum vsu_exit status = VSU_EXIT_OK;
	pid_t other = fork();

	if (other < 0) {
		vsu_error_sys(err, -errno, "cannot start a process");
		return VSU_EXIT_HOST;
	}
	if (!other)
		places_change(more[1], more[2]);
	for (i = 0; i < n && status == VSU_EXIT_OK; i++)
		status = race_once(fs, path, &reads, err);
	printf("%lu of %lu read\n", reads, n);
	/* it still runs, otherwise nothing was raced */
	if (status == VSU_EXIT_OK && waitpid(other, NULL, WNOHANG) != 0)
		status = VSU_EXIT_HOST;
	kill(other, SIGKILL);
	waitpid(other, NULL, 0);
	return status;
}

static enum vsu_exit do_label(struct fs *fs, const char *name, char *const *more,
			      struct vsu_error *err)
{
	const struct fuse_init_in init = {
		.major = FUSE_KERNEL_VERSION, .minor = 38,
		.flags = FUSE_INIT_EXT, .flags2 = 1,
	};
	const struct { uint32_t size, type, len, padding; char text[24]; } label = {
		40, 1, 5, 0, "security.test\0label",
	};
	char bytes[NAME_MAX + 8 + sizeof(label)];
	const size_t text = (size_t)snprintf(bytes, NAME_MAX, "%s%cto", name, 0) + 1;
	enum vsu_exit status = fs_join(fs, err);

	(void)more;
	if (status == VSU_EXIT_OK)
		status = fs_ask(fs, FUSE_INIT, 0, &init, sizeof(init),
				sizeof(struct fuse_init_out), err);
	if (status != VSU_EXIT_OK)
		return status;
	memcpy(bytes + text, &label, sizeof(label));
	fs->extensions = sizeof(label);
	status = fs_ask(fs, FUSE_SYMLINK, FUSE_ROOT_ID, bytes,
			(uint32_t)(text + sizeof(label)),
			sizeof(struct fuse_entry_out), err);
	if (status != VSU_EXIT_OK)
		return step_print(fs, "label", status);
	puts("ok");
	return VSU_EXIT_OK;
}

static const struct command {
	const char *name;
	int operands;
	enum vsu_exit (*run)(struct fs *fs, const char *path, char *const *more,
			     struct vsu_error *err);
	bool joins;		/* joins an existing session */
} commands[] = {
	{ "read", 1, do_read, false }, { "list", 1, do_list, false },
	{ "try", 1, do_try, false }, { "cut", 1, do_cut, false },
	{ "make", 4, do_make, false }, { "race", 4, do_race, false },
	{ "outlive", 1, do_outlive, false },
	{ "beside", 2, do_beside, false }, { "move", 3, do_move, false }, { "load", 1, do_load, true },
	{ "label", 1, do_label, true }, { "late", 1, do_late, false },
	{ "hold", 1, do_hold, false }, { "wear", 2, do_wear, false },
	{ "shorten", 1, do_shorten, false },
};

static const struct command *command_find(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	return NULL;
}

static enum vsu_exit run(struct fs *fs, const struct command *command,
			 char *const *argv, struct vsu_error *err)
{
	enum vsu_exit status = command->joins ? VSU_EXIT_OK : fs_begin(fs, err);

	if (status == VSU_EXIT_OK)
		status = command->run(fs, argv[0], argv + 1, err);
	return fflush(stdout) ? VSU_EXIT_HOST : status;
}

int main(int argc, char **argv)
{
	struct vsu_error err = VSU_ERROR_INIT;
	struct fs fs = { .unique = 0 };
	const struct command *command = argc > 2 ? command_find(argv[2]) : NULL;
	enum vsu_exit status;

	if (!command || argc != 3 + command->operands ||
	    strlen(argv[3]) >= PATH_MAX) {
		fprintf(stderr, "use: fs-driver SOCKET read|list|try|cut|hold|label|late|load|outlive|shorten PATH, beside PATH OTHER, wear PATH N, move PATH SOCKET2 KEEP, make NAME UID GID GROUP, or race PATH N A B\n");
		return VSU_EXIT_USAGE;
	}
	status = queues_open(&fs.q, argv[1], 0, 0, &err);
	if (status == VSU_EXIT_OK) {
		status = run(&fs, command, argv + 3, &err);
		queues_close(&fs.q, false);
	}
	if (status != VSU_EXIT_OK)
		fprintf(stderr, "%s\n", err.msg);
	return status;
}
