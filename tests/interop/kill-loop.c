/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Repeatedly kills one side of a vhost-user session under a load that knows the
 * expected content of each block.
 *
 *   kill-loop back-end  ROUNDS RING IMAGE SOCKET COMMAND…
 *       COMMAND is killed at random moments and restarted at once; the front-end
 *       keeps running
 *   kill-loop front-end ROUNDS RING IMAGE SOCKET COMMAND…
 *       front-ends are killed at random moments; COMMAND keeps running
 *
 * RING is split or packed. COMMAND serves IMAGE at SOCKET. Ends with 0 if no
 * request was lost or repeated after completion, and the surviving side has not
 * grown; else with 1 and a message. Times are only printed. KILL_SEED selects
 * the moments; by default they are random.
 */
#include <config.h>

#include <inttypes.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vmm-sys-util/event.h>
#include <vmm-sys-util/sock.h>

#include "block_load.h"
#include "growth.h"
#include "killed.h"

#define MAX_ROUNDS 100000u
static struct load load;
static struct load_ledger *ledger;
static const char *socket_path, *image;
static unsigned int rounds;
static uint64_t features, seed;
static struct killed server;
static unsigned int ended_alone;

static int fail(const char *what)
{
	printf("%s\n", what);
	return EXIT_FAILURE;
}

/* -------------------------------------------------------------------- figures */

static uint64_t resumed_ns[MAX_ROUNDS];
static unsigned int nresumed;

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static double part_ms(unsigned int percent)
{
	return (double)resumed_ns[(nresumed - 1) * percent / 100] / 1e6;
}

static void print_figures(void)
{
	qsort(resumed_ns, nresumed, sizeof(resumed_ns[0]), compare);
	printf("%u kills, %" PRIu64 " requests; from a kill to the next request's end: median %.1f ms, p99 %.1f ms, longest %.1f ms; %u back-ends ended by themselves\n",
	       rounds, ledger->finished, part_ms(50), part_ms(99),
	       part_ms(100), ended_alone);
}

/* --------------------------------------------------------------------- image */

static int check_image(void)
{
	static char block[LOAD_BLOCK];
	FILE *f = fopen(image, "re");
	uint64_t version;
	uint32_t i;

	for (i = 0; f && i < LOAD_BLOCKS; i++) {
		if (fread(block, 1, sizeof(block), f) != sizeof(block))
			break;
		memcpy(&version, block + 8, sizeof(version));
		if (version != ledger->held[i])
			break;
	}
	if (f)
		fclose(f);
	return i == LOAD_BLOCKS ? EXIT_SUCCESS :
	       fail("the image does not hold what was read");
}

/* ------------------------------------------------------------- kill back-ends */

/* Restarts a back-end that ended, like a supervisor. */
static void run_until_served(void)
{
	const unsigned int back = load.session.back;

	while (load.session.back == back || !load.session.finished_back) {
		load_turn(&load, -1);
		if (!killed_ended(&server))
			continue;
		ended_alone++;
		killed_start(&server);
	}
}

static void run_a_while(void)
{
	const uint64_t goal = ledger->finished + load_random(&load, 300);

	while (ledger->finished < goal)
		load_turn(&load, -1);
}

/* Some are killed during their handshake. */
static void kill_young_ones(void)
{
	unsigned int turns;

	while (load_random(&load, 3) == 0) {
		for (turns = load_random(&load, 100); turns; turns--)
			load_turn(&load, 0);
		killed_end(&server, SIGKILL);
		killed_start(&server);
	}
}

static int kill_back_ends(void)
{
	struct size before = { 0 }, after;
	unsigned int i;

	load_open(&load, ledger, socket_path, features, seed, true);
	for (i = 0; i < rounds; i++) {
		run_a_while();
		if (i == rounds / 10)
			before = size_here();
		killed_end(&server, SIGKILL);
		killed_start(&server);
		kill_young_ones();
		run_until_served();
		resumed_ns[nresumed++] = vsu_now_ns() - server.when_ns;
	}
	load_check(&load);
	after = size_here();
	load_close(&load, true);
	print_figures();
	print_growth(&before, &after);
	if (grew(&before, &after))
		return fail("the front-end has grown");
	return EXIT_SUCCESS;
}

/* ------------------------------------------------------------ kill front-ends */

static void be_a_front_end(uint64_t its_seed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	load_open(&load, ledger, socket_path, features, its_seed, false);
	for (;;)
		load_turn(&load, -1);
}

/* A complete session with an orderly stop; -1: it has printed the fault. */
static int run_front_end(uint64_t its_seed)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -1;
	if (!pid) {
		load_open(&load, ledger, socket_path, features, its_seed,
			  false);
		load_check(&load);
		load_close(&load, true);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	return status ? -1 : 0;
}

/* A front-end that ends before it is killed has printed the fault. */
static int kill_a_front_end(uint64_t its_seed, uint64_t goal,
			    unsigned int turns)
{
	int status = 0;
	pid_t pid = fork();

	if (pid < 0)
		return -1;
	if (!pid)
		be_a_front_end(its_seed);
	while (!status && __atomic_load_n(&ledger->finished,
					  __ATOMIC_RELAXED) < goal) {
		sched_yield();
		if (waitpid(pid, &status, WNOHANG) == pid)
			return -1;
	}
	while (turns--)
		sched_yield();
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status) ? 0 : -1;
}

/*
 * A session of a dead peer is freed only when the server handles the next one.
 */
static bool server_shrinks(const struct size *before, struct size *after)
{
	unsigned int i;

	for (i = 0; i < 5000; i++) {
		*after = size_of(server.pid);
		if (!grew(before, after))
			return true;
		poll(NULL, 0, 1);
	}
	return false;
}

/* Every third front-end is killed during or before its handshake. */
static int kill_front_ends(void)
{
	struct size before = { 0 }, after;
	unsigned int i, goal;

	load.seed = seed;
	for (i = 0; i < rounds; i++) {
		if (i == rounds / 10) {
			if (run_front_end(seed + i) < 0)
				return fail("a front-end was not served");
			before = size_of(server.pid);
		}
		goal = i % 3 ? 1 + load_random(&load, 200) : 0;
		if (kill_a_front_end((seed + i) | 1, ledger->finished + goal,
				     load_random(&load, 500)) < 0)
			return fail("a front-end was not served");
		if (killed_ended(&server))
			return fail("the back-end has ended");
	}
	if (run_front_end(seed + i) < 0)
		return fail("the last front-end was not served");
	printf("%u kills, %" PRIu64 " requests\n", rounds, ledger->finished);
	if (!server_shrinks(&before, &after)) {
		print_growth(&before, &after);
		return fail("the back-end has grown");
	}
	print_growth(&before, &after);
	return EXIT_SUCCESS;
}

static int run_loop(const char *side)
{
	int status;

	killed_start(&server);
	if (!killed_listens(&server, socket_path))
		return fail("the command does not listen");
	status = strcmp(side, "front-end") ? kill_back_ends() :
					     kill_front_ends();
	killed_end(&server, SIGKILL);
	return status ? status : check_image();
}

int main(int argc, char **argv)
{
	const char *text = getenv("KILL_SEED");

	if (argc < 7) {
		fprintf(stderr, "use: kill-loop back-end|front-end ROUNDS split|packed IMAGE SOCKET COMMAND…\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	rounds = (unsigned int)strtoul(argv[2], NULL, 10);
	if (!rounds || rounds > MAX_ROUNDS)
		return fail("that number of rounds cannot be");
	if (!strcmp(argv[3], "packed"))
		features = VQ_F_RING_PACKED;
	image = argv[4];
	socket_path = argv[5];
	server.command = argv + 6;
	seed = (text ? strtoull(text, NULL, 10) : vsu_now_ns()) | 1;
	printf("KILL_SEED=%" PRIu64 "\n", seed);
	ledger = mmap(NULL, sizeof(*ledger), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (ledger == MAP_FAILED)
		return fail("there is no memory for the ledger");
	return run_loop(argv[1]);
}
