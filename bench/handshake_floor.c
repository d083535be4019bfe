/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
#include <config.h>

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "bench.h"
#include "echo_rig.h"
#include "floor.h"
#include "handshake_floor.h"

#define REGIONS 8u
#define REGION ((size_t)2 << 20)
#define GUARD ((size_t)4096)
#define MAX_RINGS 4u

/* Bytes of messages, with their headers. */
#define EMPTY 12u
#define WORD 20u			/* also an acknowledgement */
#define TABLE (WORD + REGIONS * 32u)
#define ADDR 52u
#define RING (3 * WORD + ADDR)		/* number, base, place, call */

struct floor {
	int ends[2];
	unsigned int nrings;
	int files[REGIONS], events[2 * MAX_RINGS];
	/* the server's */
	int fds[REGIONS + 2 * MAX_RINGS];
	unsigned int nfds;
	void *at[REGIONS];
};

/* Reads len bytes; descriptors that come with them go to f. */
static void get(struct floor *f, int sock, size_t len)
{
	struct pollfd p = { .fd = sock, .events = POLLIN };
	int fds[VSU_SOCK_MAX_FDS];
	unsigned int n, i;
	char bytes[4096];
	ssize_t got;

	while (len) {
		const struct iovec iov = { bytes, len };

		got = vsu_sock_recv(sock, &iov, 1, fds, &n);
		for (i = 0; i < n && f->nfds < sizeof(f->fds) / sizeof(*f->fds);
		     i++)
			f->fds[f->nfds++] = fds[i];
		if (got > 0)
			len -= (size_t)got;
		else if (got == 0 || poll(&p, 1, -1) < 0)
			floor_die("receive");
	}
}

/* ------------------------------------------------------------------- server */

/* The page behind a file that cannot grow is a guard by itself. */
static void *map_file(int fd)
{
	struct stat st;
	char *at;

	if (fstat(fd, &st))
		floor_die("fstat");
	at = mmap(NULL, REGION + GUARD, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_NORESERVE, fd, 0);
	if (at == MAP_FAILED)
		floor_die("mmap");
	return at;
}

static size_t start_len(unsigned int nrings)
{
	return WORD + TABLE + nrings * (RING + 2 * WORD) + EMPTY;
}

static void *floor_serve(void *opaque)
{
	struct floor *f = opaque;
	const int sock = f->ends[1];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		get(f, sock, EMPTY);
		floor_give(sock, WORD, NULL, 0);
	}
	get(f, sock, 2 * WORD);
	floor_give(sock, 2 * WORD, NULL, 0);
	get(f, sock, start_len(f->nrings));
	for (i = 0; i < REGIONS; i++)
		f->at[i] = map_file(f->fds[i]);
	floor_give(sock, (3 + 6 * f->nrings) * WORD, NULL, 0);
	get(f, sock, 2 * f->nrings * WORD);
	floor_give(sock, 2 * f->nrings * WORD, NULL, 0);
	return NULL;
}

/* ------------------------------------------------------------------- client */

static void floor_ask(struct floor *f)
{
	const int sock = f->ends[0];
	unsigned int i;

	for (i = 0; i < 2; i++) {
		floor_give(sock, EMPTY, NULL, 0);
		get(f, sock, WORD);
	}
	floor_give(sock, 2 * WORD, NULL, 0);
	get(f, sock, 2 * WORD);
	/* descriptors are sent with the first bytes of a message */
	floor_give(sock, WORD, NULL, 0);
	floor_give(sock, TABLE, f->files, REGIONS);
	for (i = 0; i < f->nrings; i++) {
		floor_give(sock, RING, &f->events[2 * i], 1);
		floor_give(sock, 2 * WORD + (i + 1 < f->nrings ? 0 : EMPTY),
			   &f->events[2 * i + 1], 1);
	}
	get(f, sock, (3 + 6 * f->nrings) * WORD);
	floor_give(sock, 2 * f->nrings * WORD, NULL, 0);
	get(f, sock, 2 * f->nrings * WORD);
}

static double floor_round(struct floor *f)
{
	pthread_t thread;
	double start;
	unsigned int i;

	if (vsu_sock_pair(f->ends) < 0 ||
	    pthread_create(&thread, NULL, floor_serve, f))
		floor_die("thread");
	start = bench_now();
	floor_ask(f);
	start = bench_now() - start;
	pthread_join(thread, NULL);
	for (i = 0; i < REGIONS; i++)
		munmap(f->at[i], REGION + GUARD);
	while (f->nfds)
		close(f->fds[--f->nfds]);
	close(f->ends[0]);
	close(f->ends[1]);
	return start;
}

static double run_floor(void *opaque, uint64_t n)
{
	double total = 0;

	while (n--)
		total += floor_round(opaque);
	return total;
}

void bench_handshake_floor(unsigned int nrings)
{
	struct floor f = { .nrings = nrings };
	unsigned int i;
	char name[64];

	snprintf(name, sizeof(name), "floor.handshake_%uq", nrings);
	if (!bench_selected(name))
		return;
	for (i = 0; i < REGIONS; i++) {
		f.files[i] = memfd_create("bench",
					  MFD_CLOEXEC | MFD_ALLOW_SEALING);
		if (f.files[i] < 0 || ftruncate(f.files[i], (off_t)REGION) ||
		    fcntl(f.files[i], F_ADD_SEALS, ECHO_RIG_SEALS))
			floor_die("memfd");
	}
	for (i = 0; i < 2 * nrings; i++)
		f.events[i] = vsu_event_new();
	bench_ns_timed(name, run_floor, &f);
	for (i = 0; i < REGIONS; i++)
		close(f.files[i]);
	for (i = 0; i < 2 * nrings; i++)
		close(f.events[i]);
}
