/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/fd.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "echo_rig.h"
#include "floor.h"
#include "memory_floor.h"

#ifndef F_GET_SEALS
#define F_GET_SEALS 1034
#endif
#ifndef F_DUPFD_QUERY
#define F_DUPFD_QUERY 1027
#endif

#define REGION ((size_t)2 << 20)
#define PAGE ((size_t)4096)
#define FILES 8u
#define FRESH 7u

/* Bytes of messages, with their headers and what goes along. */
#define BARRIER 12u
#define ACK 20u
#define SLOT 52u
#define TABLE (ACK + FILES * 32u)

/*
 * One message and its descriptors: files that are kept, followed by new ones,
 * which replace those of the message before.
 */
struct step {
	size_t ask, answer;		/* bytes */
	unsigned int files, fresh;
};

struct held {
	int fds[VSU_SOCK_MAX_FDS];
	char *at[FRESH];
	unsigned int n;
};

struct floor {
	int ends[2], files[FILES];
	const struct step *steps;
	unsigned int nsteps, asked, served;
	char *window;			/* NULL: anywhere, with a guard */
	struct held held;		/* the server's */
};

/* A message, which is there as a whole; false at the end. */
static bool get(int sock, size_t len, struct held *with)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	char bytes[512];
	const struct iovec iov = { bytes, sizeof(bytes) };
	ssize_t got;

	if (poll(&p, 1, -1) != 1)
		floor_die("poll");
	got = vsu_sock_recv(sock, &iov, 1, with->fds, &with->n);
	if (got && got != (ssize_t)len)
		floor_die("receive");
	return got;
}

/* ------------------------------------------------------------------- server */

/* Its kind and its size are asked for; the page behind its end is a guard. */
static char *map_file(const struct floor *f, int fd)
{
	const int flags = MAP_SHARED | MAP_NORESERVE |
			  (f->window ? MAP_FIXED : 0);
	struct stat st;
	char *at;

	if (fcntl(fd, F_GET_SEALS) < 0 || fstat(fd, &st))
		floor_die("fstat");
	at = mmap(f->window, f->window ? PAGE : REGION + PAGE,
		  PROT_READ | PROT_WRITE, flags, fd, 0);
	if (at == MAP_FAILED)
		floor_die("mmap");
	return at;
}

/* Regions that were mapped one after the other lie so, and go together. */
static void unmap_runs(const struct held *h)
{
	const size_t step = REGION + PAGE;
	unsigned int i, first = 0;

	for (i = 1; i <= h->n; i++) {
		if (i < h->n && h->at[i] == h->at[i - 1] - step)
			continue;
		munmap(h->at[i - 1], (i - first) * step);
		first = i;
	}
}

static void empty_window(const struct floor *f)
{
	mmap(f->window, PAGE, PROT_NONE, MAP_PRIVATE | MAP_FIXED |
	     MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
}

/* They came again by the open file by which they are known, all the same. */
static void keep(const struct floor *f, struct held *h, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		fcntl(h->fds[i], F_DUPFD_QUERY, f->files[i]);
	if (n)
		vsu_fd_close_run(h->fds[0], n);
	h->n -= n;
	memmove(h->fds, h->fds + n, h->n * sizeof(h->fds[0]));
}

static void drop(const struct floor *f, struct held *h)
{
	if (!f->window)
		unmap_runs(h);
	else if (h->n)
		empty_window(f);
	if (h->n)
		vsu_fd_close_run(h->fds[0], h->n);
	h->n = 0;
}

static void *floor_serve(void *opaque)
{
	struct floor *f = opaque;
	const struct step *s = f->steps;
	struct held came;
	unsigned int i;

	while (get(f->ends[1], s->ask, &came)) {
		keep(f, &came, came.n - s->fresh);
		for (i = 0; i < came.n; i++)
			came.at[i] = map_file(f, came.fds[i]);
		drop(f, &f->held);
		f->held = came;
		floor_give(f->ends[1], s->answer, NULL, 0);
		s = &f->steps[++f->served % f->nsteps];
	}
	drop(f, &f->held);
	return NULL;
}

/* ------------------------------------------------------------------- client */

static void run_floor(void *opaque, uint64_t n)
{
	struct floor *f = opaque;
	const struct step *s;
	struct held none;

	while (n--) {
		s = &f->steps[f->asked++ % f->nsteps];
		floor_give(f->ends[0], s->ask, f->files, s->files);
		get(f->ends[0], s->answer, &none);
	}
}

static void new_files(struct floor *f, int seals)
{
	unsigned int i;

	for (i = 0; i < FILES; i++) {
		f->files[i] = memfd_create("bench",
					   MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (f->files[i] < 0 || ftruncate(f->files[i], (off_t)REGION) ||
		    fcntl(f->files[i], F_ADD_SEALS, seals))
			floor_die("memfd");
	}
}

static void measure(const char *name, const struct step *steps, unsigned int n,
		    char *window)
{
	struct floor f = { .steps = steps, .nsteps = n, .window = window };
	pthread_t thread;
	unsigned int i;

	if (!bench_selected(name))
		return;
	new_files(&f, ECHO_RIG_SEALS);
	if (vsu_sock_pair(f.ends) < 0 ||
	    pthread_create(&thread, NULL, floor_serve, &f))
		floor_die("thread");
	bench_rate(name, run_floor, &f, 1e3, "k/s");
	close(f.ends[0]);
	pthread_join(thread, NULL);
	close(f.ends[1]);
	for (i = 0; i < FILES; i++)
		close(f.files[i]);
}

void bench_memory_floor(void)
{
	static const struct step slot[] = {
		{ SLOT + BARRIER, 2 * ACK, 1, 1 },
		{ SLOT + BARRIER, 2 * ACK, 0, 0 },
	};
	static const struct step table = {
		TABLE + BARRIER, 2 * ACK, FILES, FRESH
	};
	static const struct step grown[] = {
		{ TABLE + BARRIER, 2 * ACK, FILES, 1 },
		{ TABLE - 32 + BARRIER, 2 * ACK, FILES - 1, 0 },
	};

	measure("floor.add_rem_mem_reg", slot, 2, NULL);
	measure("floor.set_mem_table_8", &table, 1, NULL);
	measure("floor.set_mem_grown_8", grown, 2, NULL);
}

void bench_shmem_floor(void)
{
	static const struct step page[] = {
		{ SLOT, ACK, 1, 1 }, { SLOT, ACK, 0, 0 },
	};
	char *window = mmap(NULL, REGION, PROT_NONE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (window == MAP_FAILED)
		floor_die("window");
	measure("floor.shmem_map_unmap_pair", page, 2, window);
	munmap(window, REGION);
}
