/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * boot-contest KERNEL INITRD QEMU [CASE]
 *
 * Boots Linux under cvmm and under QEMU's microvm, alternately, with the same
 * kernel, initrd, command line, memory and number of CPUs. The first process of
 * the initrd prints "@init" on the console and stays.
 *
 *	boot.VMM.entry  ms   exec to the first entry of a guest, from KVM's own
 *	                     tracepoint; requires root
 *	boot.VMM.init   ms   fork to the output of the first process
 *	boot.VMM.rss    KiB  resident by then
 *	boot.VMM.dirty  KiB  private and dirty
 *	boot.VMM.own    KiB  private and dirty, without the guest's memory
 *
 * VMM is cvmm, microvm, or cvmm_bzimage if a bzImage lies beside KERNEL (vmlinux-X
 * and vmlinuz-X). RUNS is the number of boots (5).
 */
#include <config.h>

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "contest.h"

#define MAX_RUNS 100
#define MARK "@init"
#define LINE "console=ttyS0 quiet loglevel=1 tsc=reliable mitigations=off"
#define MEMORY "256M"
#define MEMORY_KIB (256.0 * 1024)
#define LIMIT_MS 120000		/* of one boot */
#define TRACE "/sys/kernel/tracing"

enum { ENTRY, INIT, RSS, DIRTY, OWN, FACTS };

static const struct contest_fact facts[FACTS] = {
	{ "entry", "ms" }, { "init", "ms" }, { "rss", "KiB" },
	{ "dirty", "KiB" }, { "own", "KiB" },
};

struct contestant {
	const char *name;
	const char *argv[CONTEST_WORDS];
	double facts[FACTS][MAX_RUNS];
	bool works;
};

static char kernel[PATH_MAX], image[PATH_MAX], initrd[PATH_MAX];
static char qemu[PATH_MAX], initrd_option[PATH_MAX + 16];

static struct contestant contestants[] = {
	{ "cvmm", { "programs/cvmm/cvmm", "run", kernel, initrd_option,
		    "--cmdline=" LINE, "--memory=size=" MEMORY }, { { 0 } },
	  false },
	{ "cvmm_bzimage", { "programs/cvmm/cvmm", "run", image, initrd_option,
			    "--cmdline=" LINE, "--memory=size=" MEMORY },
	  { { 0 } }, false },
	/*
	 * The smallest QEMU configuration. ACPI stays: a distribution's kernel
	 * finds its processors only there.
	 */
	{ "microvm", { qemu, "-M", "microvm,acpi=on,pit=off,pic=off,rtc=off,isa-serial=on,x-option-roms=off",
		       "-accel", "kvm", "-cpu", "host", "-m", MEMORY,
		       "-nodefaults", "-no-user-config", "-display", "none",
		       "-no-reboot", "-serial", "stdio", "-kernel", kernel,
		       "-initrd", initrd, "-append", LINE }, { { 0 } }, false },
};

#define COUNT (sizeof(contestants) / sizeof(contestants[0]))

/* ------------------------------------------------------ tracepoints */

static bool trace_set(const char *file, const char *text)
{
	char path[128];
	int fd;
	bool ok;

	snprintf(path, sizeof(path), TRACE "/%s", file);
	fd = open(path, O_WRONLY | O_TRUNC);
	ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	if (fd >= 0)
		close(fd);
	return ok;
}

/*
 * The first entry of a guest stops the recording, so that it costs nothing
 * afterwards.
 */
static bool trace_prepare(void)
{
	if (access(TRACE "/trace", R_OK))
		mount("tracefs", TRACE, "tracefs", 0, NULL);
	return trace_set("events/sched/sched_process_exec/enable", "1") &&
	       trace_set("events/kvm/kvm_entry/enable", "1") &&
	       trace_set("events/kvm/kvm_entry/trigger", "traceoff");
}

static void trace_begin(void)
{
	trace_set("trace", "\n");
	trace_set("tracing_on", "1");
}

/* "comm-PID [CPU] flags SECONDS: event: …": the time, in milliseconds */
static double line_ms(const char *line, const char *event)
{
	const char *at = strstr(line, event);

	while (at && at > line && at[-1] != ' ')
		at--;
	/* at points to the event; the time is the word before it */
	at = at && at > line ? at - 1 : NULL;
	while (at && at > line && at[-1] != ' ')
		at--;
	return at ? strtod(at, NULL) * 1e3 : 0;
}

/* From the exec of that process to the first VM entry, in ms, or 0. */
static double trace_entry_ms(pid_t pid)
{
	char line[512], who[32];
	double begun = 0, entered = 0;
	FILE *f = fopen(TRACE "/trace", "r");

	snprintf(who, sizeof(who), " pid=%d ", pid);
	while (f && !entered && fgets(line, sizeof(line), f)) {
		if (strstr(line, "sched_process_exec:") && strstr(line, who))
			begun = line_ms(line, "sched_process_exec:");
		else if (begun > 0 && strstr(line, "kvm_entry:"))
			entered = line_ms(line, "kvm_entry:");
	}
	if (f)
		fclose(f);
	return entered > 0 ? entered - begun : 0;
}

/* ------------------------------------------------------ one boot */

/* False: the mark did not arrive within the limit. */
static bool wait_for_mark(int fd)
{
	const double end = bench_clock(CLOCK_MONOTONIC) + LIMIT_MS * 1e6;
	char text[65536];
	size_t len = 0;
	struct pollfd p = { .fd = fd, .events = POLLIN };
	ssize_t n;

	while (bench_clock(CLOCK_MONOTONIC) < end && len < sizeof(text) - 1 &&
	       poll(&p, 1, 1000) >= 0) {
		if (!p.revents)
			continue;
		n = read(fd, text + len, sizeof(text) - 1 - len);
		if (n <= 0)
			return false;
		len += (size_t)n;
		text[len] = 0;
		if (strstr(text, MARK))
			return true;
	}
	return false;
}

/* Private and dirty bytes of mappings that are too small for guest memory. */
static double own_kib(pid_t pid)
{
	char path[64], line[512];
	unsigned long first, end;
	double size = 0, sum = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/smaps", pid);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &first, &end) == 2)
			size = (double)(end - first) / 1024;
		else if (!strncmp(line, "Private_Dirty:", 14) &&
			 size < MEMORY_KIB / 2)
			sum += strtod(line + 14, NULL);
	}
	if (f)
		fclose(f);
	return sum;
}

static bool sample(struct contestant *c, unsigned int i)
{
	double begun;
	int fds[2];
	pid_t pid;
	bool ok;

	if (pipe(fds))
		return false;
	fcntl(fds[0], F_SETFD, FD_CLOEXEC);
	trace_begin();
	begun = bench_clock(CLOCK_MONOTONIC);
	pid = contest_spawn(c->argv, fds[1]);
	close(fds[1]);
	ok = wait_for_mark(fds[0]);
	c->facts[INIT][i] = (bench_clock(CLOCK_MONOTONIC) - begun) / 1e6;
	kill(pid, SIGSTOP);
	c->facts[ENTRY][i] = trace_entry_ms(pid);
	c->facts[RSS][i] = contest_rollup_kib(pid, "Rss:");
	c->facts[DIRTY][i] = contest_rollup_kib(pid, "Private_Dirty:");
	c->facts[OWN][i] = own_kib(pid);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	close(fds[0]);
	return ok;
}

static void print(struct contestant *c, unsigned int runs, bool traced)
{
	unsigned int i;

	for (i = traced ? ENTRY : INIT; i < FACTS; i++)
		contest_print("boot", c->name, &facts[i], c->facts[i], runs);
}

static void copy_path(char *to, const char *from)
{
	snprintf(to, PATH_MAX, "%s", from);
}

/* vmlinuz-X in the folder of vmlinux-X */
static void find_image(void)
{
	char *at;

	copy_path(image, kernel);
	at = strrchr(image, '/');
	at = strstr(at ? at : image, "vmlinux");
	if (at)
		at[6] = 'z';
}

static void run(unsigned int runs)
{
	const bool traced = trace_prepare();
	unsigned int i, k;

	for (k = 0; k < COUNT; k++)	/* one run to warm the caches */
		contestants[k].works = access(contestants[k].argv[2] == image ?
					      image : kernel, R_OK) == 0 &&
				       sample(&contestants[k], 0);
	for (i = 0; i < runs; i++)
		for (k = 0; k < COUNT; k++)
			if (contestants[k].works)
				sample(&contestants[k], i);
	if (traced)
		trace_set("events/kvm/kvm_entry/trigger", "!traceoff");
	for (k = 0; k < COUNT; k++) {
		if (contestants[k].works)
			print(&contestants[k], runs, traced);
		else
			printf("# boot.%s: did not come to its first process\n",
			       contestants[k].name);
	}
}

int main(int argc, char **argv)
{
	const char *text = getenv("RUNS");
	unsigned int runs = text ? (unsigned int)atoi(text) : 5;

	if (argc < 4 || !contest_begin()) {
		fputs("use: boot-contest KERNEL INITRD QEMU [CASE], in a build tree\n",
		      stderr);
		return 64;
	}
	bench_init(argc - 3, argv + 3);
	copy_path(kernel, argv[1]);
	copy_path(initrd, argv[2]);
	copy_path(qemu, argv[3]);
	snprintf(initrd_option, sizeof(initrd_option), "--initrd=%s", initrd);
	find_image();
	run(runs < 1 ? 1 : runs > MAX_RUNS ? MAX_RUNS : runs);
	return 0;
}
