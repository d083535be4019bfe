/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * FUSE requests, one after another as by a guest with one process, to our daemon
 * and to those of others, alternately, in folders of a tmpfs; "cold": of /var/tmp:
 *
 *	fs.SERVER.read_4k_seq, read_4k_rand, read_1m_seq, read_1m_rand	us
 *	fs.SERVER.write_4k_seq, write_4k_rand, write_1m_seq, write_1m_rand	us
 *	fs.SERVER.lookup, getattr	us
 *	fs.SERVER.small_file	us   create, write 4 KiB, close, remove, forget
 *	fs.SERVER.unpack		us   as tar: look up, create, write 16 KiB, set mode and
 *				     time, close; remove, forget
 *	fs.SERVER.open_read		us   open, read 4 KiB, close
 *	fs.SERVER.folder		us   make, remove, forget
 *	fs.SERVER.list		us   open, list 100 names, close
 *	fs.SERVER.list_stat		us   open, list 100 names with attributes, close, forget
 *	fs.SERVER.read_4k_cold, read_1m_cold	us   random, without pages in memory
 *	fs.SERVER.*.cpu		us   processor time of the server, user and system
 *
 * SERVER is ours, virtiofsd (in C, of QEMU up to 7.2) or virtiofsd_rust (FS_VIRTIOFSD, or
 * the path of distributions). All have the same file: the time of a long copy depends on
 * where its pages are.
 */
#define _GNU_SOURCE
#include <config.h>

#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench.h"
#include "contest.h"
#include "fs_tasks.h"
#include "peer.h"
#include "tree.h"

#define MAX_RUNS 100

struct side {
	const char *name;
	const char *argv[8];
	char program[CONTEST_PATH];
	char folder[32], path[48], socket[48], socket_word[80], folder_word[64];
	struct peer server;
	bool works;
	struct fs_load load;
	double samples[FS_TASKS][MAX_RUNS], cpu[FS_TASKS][MAX_RUNS];
};

/* Microseconds per operation, passed and of the server's processors; negative: failed. */
static void task_sample(struct side *s, size_t t, unsigned int run, double ns)
{
	const struct fs_task *task = &fs_tasks[t];
	const double begun = bench_clock(CLOCK_MONOTONIC);
	const double cpu = contest_cpu_ns(s->server.pid);
	double passed = 0;
	unsigned long n = 0;

	s->samples[t][run] = s->cpu[t][run] = -1;
	for (; passed < ns; n++) {
		if (!task->run(&s->load, task->size, task->random)) {
			fprintf(stderr, "bench: %s: %s: %s\n", s->name,
				task->fact.name, s->load.error.msg);
			return;
		}
		passed = bench_clock(CLOCK_MONOTONIC) - begun;
	}
	s->samples[t][run] = passed / 1e3 / (double)n;
	s->cpu[t][run] = (contest_cpu_ns(s->server.pid) - cpu) / 1e3 / (double)n;
}

/* Written, so that a read of the disk finds bytes, and clean. */
static int file_make(const char *path)
{
	static unsigned char bytes[1 << 20];
	const int fd = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0644);
	uint64_t done;

	memset(bytes, 0x5a, sizeof(bytes));
	for (done = 0; fd >= 0 && done < FS_FILE_SIZE; done += sizeof(bytes))
		if (pwrite(fd, bytes, sizeof(bytes), (off_t)done) != (ssize_t)sizeof(bytes))
			break;
	if (fd >= 0 && done == FS_FILE_SIZE && fsync(fd) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

/* A file to read and write, the same as first, and a folder to list. */
static bool folder_fill(struct side *s, const char *parent, const char *first)
{
	char path[160];
	int i;

	snprintf(s->folder, sizeof(s->folder), "%s/bench-fs-XXXXXX", parent);
	if (!mkdtemp(s->folder))
		return false;
	snprintf(s->socket, sizeof(s->socket), "%s.sock", s->folder);
	snprintf(s->path, sizeof(s->path), "%s/file", s->folder);
	if (first && link(first, s->path))
		return false;
	s->load.fd = first ? open(s->path, O_RDONLY | O_CLOEXEC) : file_make(s->path);
	snprintf(path, sizeof(path), "%s/listed", s->folder);
	if (s->load.fd < 0 || mkdir(path, 0755))
		return false;
	for (i = 0; i < (int)FS_NAMES; i++) {
		snprintf(path, sizeof(path), "%s/listed/name-%d", s->folder, i);
		close(open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
	}
	return true;
}

static bool session_begin(struct fs_load *s, const char *socket)
{
	const struct fuse_open_in how = { .flags = O_RDWR };

	if (queues_open(&s->fs.q, socket, 0, 0, &s->error) != VSU_EXIT_OK ||
	    fs_begin(&s->fs, &s->error) != VSU_EXIT_OK ||
	    fs_find(&s->fs, &s->listed, "listed", &s->error) != VSU_EXIT_OK ||
	    fs_find(&s->fs, &s->file, "file", &s->error) != VSU_EXIT_OK ||
	    !fs_is_answered(s, FUSE_OPEN, s->file, &how, sizeof(how),
			 sizeof(struct fuse_open_out)))
		return false;
	s->handle = ((const struct fuse_open_out *)(const void *)s->fs.answer)->fh;
	return true;
}

static void side_begin(struct side *s)
{
	s->server = (struct peer){ .path = s->socket, .argv = (void *)s->argv };
	if (peer_start(&s->server, &s->load.error) == 0)
		do
			s->works = session_begin(&s->load, s->socket);
		while (!s->works && peer_starts(&s->server, s->load.error.code));
	if (!s->works)
		fprintf(stderr, "bench: left out: %s: %s\n", s->name, s->load.error.msg);
}

static void side_end(struct side *s)
{
	if (s->works)
		queues_close(&s->load.fs.q, false);
	peer_stop(&s->server);
	if (s->load.fd >= 0)
		close(s->load.fd);
	if (s->folder[0])
		tree_remove(s->folder);
	unlink(s->socket);
	memset(s, 0, sizeof(*s));
}

enum { OURS, IN_C, IN_RUST, SIDES };

static const char *const names[SIDES] = {
	[OURS] = "ours", [IN_C] = "virtiofsd", [IN_RUST] = "virtiofsd_rust",
};

static struct side sides[SIDES];

/* NULL: not installed. */
static const char *program_find(unsigned int k)
{
	static const char rust[] = "/usr/libexec/virtiofsd", c[] = "/usr/lib/qemu/virtiofsd";
	const char *given = getenv("FS_VIRTIOFSD");

	if (k == OURS)
		return "daemons/cvmm-vhost-user-fs";
	if (k == IN_RUST && given)
		return given;
	return k == IN_RUST && !access(rust, X_OK) ? rust :
	       k == IN_C && !access(c, X_OK) ? c : NULL;
}

/* The arguments of a command; virtiofsd of QEMU up to 7.2 uses -o. */
static void side_describe(struct side *s, const char *program, bool old)
{
	size_t n = 0;

	snprintf(s->socket_word, sizeof(s->socket_word), "--socket-path=%.40s",
		 s->socket);
	snprintf(s->folder_word, sizeof(s->folder_word), "%s=%.30s",
		 old ? "source" : "--shared-dir", s->folder);
	contest_find(program, s->program);
	s->argv[n++] = s->program;
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

	snprintf(name, sizeof(name), "%s.cpu", fs_tasks[t].fact.name);
	contest_print("fs", s->name, &fs_tasks[t].fact, s->samples[t], runs);
	contest_print("fs", s->name, &cpu, s->cpu[t], runs);
}

static bool is_wanted(const struct side *s, size_t t)
{
	char name[64];

	snprintf(name, sizeof(name), "fs.%s.%s.cpu", s->name, fs_tasks[t].fact.name);
	return s->works && bench_selected(name);
}

static void sides_begin(const char *parent)
{
	const char *program, *first = NULL;
	unsigned int k;

	for (k = 0; k < SIDES; k++) {
		sides[k].name = names[k];
		sides[k].load.fd = -1;
		program = program_find(k);
		if (!program || !folder_fill(&sides[k], parent, first))
			continue;
		first = first ? first : sides[k].path;
		side_describe(&sides[k], program, k == IN_C);
		side_begin(&sides[k]);
	}
}

static void task_measure(size_t t, unsigned int runs, double ns)
{
	unsigned int i, k;

	for (i = 0; i < runs; i++)
		for (k = 0; k < SIDES; k++)
			if (is_wanted(&sides[k], t))
				task_sample(&sides[k], t, i, ns);
	for (k = 0; k < SIDES; k++)
		if (is_wanted(&sides[k], t))
			side_print(&sides[k], t, runs);
}

/* Measures tasks [first, end) in folders of parent. */
static void tasks_measure(const char *parent, size_t first, size_t end)
{
	const unsigned int runs = (unsigned int)bench_setting("RUNS", 9, MAX_RUNS);
	const double ns = bench_setting("MS", 20, 10000) * 1e6;
	unsigned int k;

	sides_begin(parent);
	for (; first < end; first++)
		task_measure(first, runs, ns);
	for (k = 0; k < SIDES; k++)
		side_end(&sides[k]);
}

int main(int argc, char **argv)
{
	bench_init(argc, argv);
	if (!contest_begin() || geteuid() != 0) {
		puts("# fs: only root measures both in their sandboxes");
		return 0;
	}
	tasks_measure("/dev/shm", 0, FS_COLD);
	tasks_measure("/var/tmp", FS_COLD, FS_TASKS);
	return 0;
}
