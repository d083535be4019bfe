/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * FUSE requests, one after another as by a guest with one process, to our daemon
 * and to virtiofsd (FS_VIRTIOFSD, or the path of distributions), alternately, in
 * folders of a tmpfs:
 *
 *	fs.SERVER.read_4k_seq, read_4k_rand, read_1m_seq, read_1m_rand	us
 *	fs.SERVER.write_4k_seq, write_4k_rand, write_1m_seq, write_1m_rand	us
 *	fs.SERVER.lookup, getattr	us
 *	fs.SERVER.small_file	us   create, write 4 KiB, close, remove, forget
 *	fs.SERVER.folder		us   make, remove, forget
 *	fs.SERVER.list		us   open, list 100 names, close
 *	fs.SERVER.*.cpu		us   processor time of the server, user and system
 *
 * SERVER is ours or virtiofsd. Both have the same file: the time of a long copy depends
 * on where its pages are.
 */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "contest.h"
#include "fs-session.h"
#include "tree.h"

#define MAX_RUNS 100
#define MAX_CASES 16
#define KIB 1024u
#define MIB (1024u * KIB)
#define FILE_SIZE (64u * MIB)
#define NAMES 100

struct side {
	const char *name;
	const char *argv[8];
	char folder[32], socket[48], socket_word[80], folder_word[64];
	pid_t pid;
	bool works;
	struct fs fs;
	uint64_t file, handle, listed, random, count;
	double samples[MAX_CASES][MAX_RUNS], cpu[MAX_CASES][MAX_RUNS];
};

static struct vsu_error error = VSU_ERROR_INIT;
static struct {
	struct fuse_write_in in;
	unsigned char bytes[MIB];
} write_request;

static bool is_answered(struct side *s, uint32_t opcode, uint64_t node,
			const void *args, size_t len, uint32_t room)
{
	return fs_ask(&s->fs, opcode, node, args, (uint32_t)len, room, &error) ==
	       VSU_EXIT_OK;
}

/* The next offset. */
static uint64_t place(struct side *s, uint32_t size, bool random)
{
	s->random = s->random * UINT64_C(6364136223846793005) + 1442695040888963407;
	s->count++;
	return (random ? s->random >> 33 : s->count) % (FILE_SIZE / size) * size;
}

static bool do_read(struct side *s, uint32_t size, bool random)
{
	const struct fuse_read_in in = {
		.fh = s->handle, .offset = place(s, size, random), .size = size,
	};

	return is_answered(s, FUSE_READ, s->file, &in, sizeof(in), size) &&
	       s->fs.answer_len == size;
}

static bool do_write(struct side *s, uint32_t size, bool random)
{
	write_request.in = (struct fuse_write_in){
		.fh = s->handle, .offset = place(s, size, random), .size = size,
	};
	return is_answered(s, FUSE_WRITE, s->file, &write_request,
			   sizeof(write_request.in) + size,
			   sizeof(struct fuse_write_out));
}

static bool do_lookup(struct side *s, uint32_t size, bool random)
{
	(void)size, (void)random;
	return is_answered(s, FUSE_LOOKUP, FUSE_ROOT_ID, "file", 5,
			   sizeof(struct fuse_entry_out));
}

static bool do_getattr(struct side *s, uint32_t size, bool random)
{
	const struct fuse_getattr_in in = { 0 };

	(void)size, (void)random;
	return is_answered(s, FUSE_GETATTR, s->file, &in, sizeof(in),
			   sizeof(struct fuse_attr_out));
}

static bool file_close(struct side *s, uint64_t node, uint64_t handle,
		       uint32_t opcode)
{
	return fs_release(&s->fs, opcode, node, handle, &error) == VSU_EXIT_OK;
}

static bool small_write(struct side *s, uint64_t node, uint64_t handle)
{
	write_request.in = (struct fuse_write_in){ .fh = handle, .size = 4 * KIB };
	return is_answered(s, FUSE_WRITE, node, &write_request,
			   sizeof(write_request.in) + 4 * KIB,
			   sizeof(struct fuse_write_out));
}

static bool do_small_file(struct side *s, uint32_t size, bool random)
{
	struct { struct fuse_create_in in; char name[8]; } make = {
		{ .flags = O_RDWR | O_CREAT | O_EXCL, .mode = S_IFREG | 0644 },
		"small",
	};
	struct { struct fuse_entry_out e; struct fuse_open_out o; } made;

	(void)size, (void)random;
	if (!is_answered(s, FUSE_CREATE, FUSE_ROOT_ID, &make,
			 sizeof(make.in) + sizeof("small"), sizeof(made)))
		return false;
	memcpy(&made, s->fs.answer, sizeof(made));
	return small_write(s, made.e.nodeid, made.o.fh) &&
	       file_close(s, made.e.nodeid, made.o.fh, FUSE_RELEASE) &&
	       is_answered(s, FUSE_UNLINK, FUSE_ROOT_ID, "small", 6, 0) &&
	       fs_forget(&s->fs, made.e.nodeid, &error) == VSU_EXIT_OK;
}

static bool do_folder(struct side *s, uint32_t size, bool random)
{
	struct { struct fuse_mkdir_in in; char name[8]; } make = {
		{ .mode = 0755 }, "newdir",
	};
	struct fuse_entry_out made;

	(void)size, (void)random;
	if (!is_answered(s, FUSE_MKDIR, FUSE_ROOT_ID, &make,
			 sizeof(make.in) + sizeof("newdir"), sizeof(made)))
		return false;
	memcpy(&made, s->fs.answer, sizeof(made));
	return is_answered(s, FUSE_RMDIR, FUSE_ROOT_ID, "newdir", 7, 0) &&
	       fs_forget(&s->fs, made.nodeid, &error) == VSU_EXIT_OK;
}

static uint64_t last_offset(const struct fs *fs)
{
	struct fuse_dirent entry = { .off = 0 };
	uint32_t done = 0;

	while (done + FUSE_NAME_OFFSET <= fs->answer_len) {
		memcpy(&entry, fs->answer + done, FUSE_NAME_OFFSET);
		done += (uint32_t)FUSE_DIRENT_ALIGN(FUSE_NAME_OFFSET +
						    entry.namelen);
	}
	return entry.off;
}

static bool do_list(struct side *s, uint32_t size, bool random)
{
	struct fuse_read_in in = { .size = 32 * KIB };

	(void)size, (void)random;
	if (fs_open(&s->fs, FUSE_OPENDIR, s->listed, &in.fh, &error) != VSU_EXIT_OK)
		return false;
	do {
		if (!is_answered(s, FUSE_READDIR, s->listed, &in, sizeof(in),
				 in.size))
			return false;
		in.offset = last_offset(&s->fs);
	} while (s->fs.answer_len);
	return file_close(s, s->listed, in.fh, FUSE_RELEASEDIR);
}

static const struct task {
	struct contest_fact fact;
	bool (*run)(struct side *s, uint32_t size, bool random);
	uint32_t size;
	bool random;
} tasks[] = {
	{ { "read_4k_seq", "us" }, do_read, 4 * KIB, false },
	{ { "read_4k_rand", "us" }, do_read, 4 * KIB, true },
	{ { "read_1m_seq", "us" }, do_read, MIB, false },
	{ { "read_1m_rand", "us" }, do_read, MIB, true },
	{ { "write_4k_seq", "us" }, do_write, 4 * KIB, false },
	{ { "write_4k_rand", "us" }, do_write, 4 * KIB, true },
	{ { "write_1m_seq", "us" }, do_write, MIB, false },
	{ { "write_1m_rand", "us" }, do_write, MIB, true },
	{ { "lookup", "us" }, do_lookup, 0, false },
	{ { "getattr", "us" }, do_getattr, 0, false },
	{ { "small_file", "us" }, do_small_file, 0, false },
	{ { "folder", "us" }, do_folder, 0, false },
	{ { "list", "us" }, do_list, 0, false },
};

#define TASKS (sizeof(tasks) / sizeof(*tasks))
_Static_assert(TASKS <= MAX_CASES, "each task has its samples");

/* Microseconds per operation, passed and of the server's processors; negative: failed. */
static void task_sample(struct side *s, size_t t, unsigned int run, double ns)
{
	const struct task *task = &tasks[t];
	const double begun = bench_clock(CLOCK_MONOTONIC);
	const double cpu = contest_cpu_ns(s->pid);
	double passed = 0;
	unsigned long n = 0;

	s->samples[t][run] = s->cpu[t][run] = -1;
	for (; passed < ns; n++) {
		if (!task->run(s, task->size, task->random)) {
			fprintf(stderr, "bench: %s: %s: %s\n", s->name,
				task->fact.name, error.msg);
			return;
		}
		passed = bench_clock(CLOCK_MONOTONIC) - begun;
	}
	s->samples[t][run] = passed / 1e3 / (double)n;
	s->cpu[t][run] = (contest_cpu_ns(s->pid) - cpu) / 1e3 / (double)n;
}

/* A file to read and write, and a folder to list. */
static bool folder_fill(struct side *s)
{
	static char first[160];
	char path[160];
	int fd, i;

	snprintf(s->folder, sizeof(s->folder), "/dev/shm/bench-fs-XXXXXX");
	if (!mkdtemp(s->folder))
		return false;
	snprintf(s->socket, sizeof(s->socket), "%s.sock", s->folder);
	snprintf(path, sizeof(path), "%s/file", s->folder);
	if (first[0] && link(first, path))
		return false;
	fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	if (fd < 0 || posix_fallocate(fd, 0, FILE_SIZE))
		return false;
	close(fd);
	memcpy(first, path, sizeof(first));
	snprintf(path, sizeof(path), "%s/listed", s->folder);
	if (mkdir(path, 0755))
		return false;
	for (i = 0; i < NAMES; i++) {
		snprintf(path, sizeof(path), "%s/listed/name-%d", s->folder, i);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	}
	return true;
}

static bool session_begin(struct side *s)
{
	const struct fuse_open_in how = { .flags = O_RDWR };

	s->fs.rings[0] = s->fs.rings[1] = RING_NONE;
	if (client_open(&s->fs.client, s->socket, 0, &error) != VSU_EXIT_OK ||
	    fs_begin(&s->fs, &error) != VSU_EXIT_OK ||
	    fs_find(&s->fs, &s->listed, "listed", &error) != VSU_EXIT_OK ||
	    fs_find(&s->fs, &s->file, "file", &error) != VSU_EXIT_OK ||
	    !is_answered(s, FUSE_OPEN, s->file, &how, sizeof(how),
			 sizeof(struct fuse_open_out)))
		return false;
	s->handle = ((const struct fuse_open_out *)(const void *)s->fs.answer)->fh;
	return true;
}

static void side_begin(struct side *s)
{
	int i;

	s->pid = contest_spawn(s->argv, 2);
	for (i = 0; i < 500 && access(s->socket, F_OK); i++)
		poll(NULL, 0, 10);
	s->works = session_begin(s);
	if (!s->works)
		fprintf(stderr, "bench: left out: %s: %s\n", s->name, error.msg);
}

static void side_end(struct side *s)
{
	if (s->works) {
		client_close(&s->fs.client);
		ring_close(&s->fs.rings[0]);
		ring_close(&s->fs.rings[1]);
		vmem_map_unref(s->fs.map);
	}
	if (s->pid > 0) {
		kill(s->pid, SIGTERM);
		waitpid(s->pid, NULL, 0);
	}
	if (s->folder[0])
		tree_remove(s->folder);
	unlink(s->socket);
}

static struct side sides[] = { { .name = "ours" }, { .name = "virtiofsd" } };

#define SIDES (sizeof(sides) / sizeof(*sides))

static const char *virtiofsd_find(void)
{
	static const char new[] = "/usr/libexec/virtiofsd", old[] = "/usr/lib/qemu/virtiofsd";
	const char *given = getenv("FS_VIRTIOFSD");

	return given ? given : !access(new, X_OK) ? new : !access(old, X_OK) ? old : NULL;
}

/* The arguments of a command; virtiofsd of QEMU up to 7.2 uses -o. */
static void side_describe(struct side *s, const char *program, bool old)
{
	size_t n = 0;

	snprintf(s->socket_word, sizeof(s->socket_word), "--socket-path=%.40s",
		 s->socket);
	snprintf(s->folder_word, sizeof(s->folder_word), "%s=%.30s",
		 old ? "source" : "--shared-dir", s->folder);
	s->argv[n++] = program;
	s->argv[n++] = s->socket_word;
	if (old)
		s->argv[n++] = "-o";
	s->argv[n++] = s->folder_word;
	if (old)
		s->argv[n++] = "-o";
	s->argv[n++] = old ? "sandbox=chroot" : "--sandbox=chroot";
	if (old)
		s->argv[n++] = "-f";
	s->argv[n] = NULL;
}

static void side_print(struct side *s, size_t t, unsigned int runs)
{
	char name[32];
	const struct contest_fact cpu = { name, "us" };

	snprintf(name, sizeof(name), "%s.cpu", tasks[t].fact.name);
	contest_print("fs", s->name, &tasks[t].fact, s->samples[t], runs);
	contest_print("fs", s->name, &cpu, s->cpu[t], runs);
}

static bool is_wanted(const struct side *s, size_t t)
{
	char name[64];

	snprintf(name, sizeof(name), "fs.%s.%s.cpu", s->name, tasks[t].fact.name);
	return s->works && bench_selected(name);
}

static void sides_measure(unsigned int runs, double ns)
{
	unsigned int i, k;
	size_t t;

	for (t = 0; t < TASKS; t++) {
		for (i = 0; i < runs; i++)
			for (k = 0; k < SIDES; k++)
				if (is_wanted(&sides[k], t))
					task_sample(&sides[k], t, i, ns);
		for (k = 0; k < SIDES; k++)
			if (is_wanted(&sides[k], t))
				side_print(&sides[k], t, runs);
	}
}

int main(int argc, char **argv)
{
	const char *theirs = virtiofsd_find();
	unsigned int k;

	bench_init(argc, argv);
	if (!contest_begin() || geteuid() != 0) {
		puts("# fs: only root measures both in their sandboxes");
		return 0;
	}
	for (k = 0; k < SIDES; k++)
		if ((theirs || !k) && folder_fill(&sides[k])) {
			side_describe(&sides[k], k ? theirs : "daemons/cvmm-vhost-user-fs",
				      k && strstr(theirs, "/qemu/"));
			side_begin(&sides[k]);
		}
	sides_measure((unsigned int)bench_setting("RUNS", 9, MAX_RUNS),
		      bench_setting("MS", 20, 10000) * 1e6);
	for (k = 0; k < SIDES; k++)
		side_end(&sides[k]);
	return 0;
}
