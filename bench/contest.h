/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Programs measured from outside, compared with each other. */
#ifndef CONTEST_H
#define CONTEST_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A measured quantity: the end of its line's name, and its unit. */
struct contest_fact {
	const char *name, *unit;
};

/* False if this program is not in bench/ of a build tree. */
bool contest_begin(void);

#define CONTEST_PATH (PATH_MAX + 64)

/*
 * The path of a program, which is a path, or FOLDER/NAME of the build tree: there, of the program
 * and not of libtool's wrapper script.
 */
void contest_find(const char *program, char path[CONTEST_PATH]);

#define CONTEST_WORDS 32	/* limit of a command's words, including NULL */

/*
 * Runs argv with this standard output and empty input. contest_find() finds argv[0]. Returns the
 * process id, or -1.
 */
pid_t contest_spawn(const char *const *argv, int out_fd);

/* The number after a field of /proc/PID/smaps_rollup, in KiB. */
double contest_rollup_kib(pid_t pid, const char *field);

/* Processor time of a process and its children that run, of all their threads. */
double contest_cpu_ns(pid_t pid);

/* Sorts the samples, and prints the line of a fact if it is selected. */
void contest_print(const char *bench, const char *who,
		   const struct contest_fact *fact, double *samples,
		   unsigned int runs);

/* Prints such a line with a number in place of the median; samples are sorted. */
void contest_print_number(const char *bench, const char *who,
			  const struct contest_fact *fact, double number,
			  const double *samples, unsigned int runs);

/* The sample that 99 of 100 do not exceed; samples are sorted. */
double contest_p99(const double *samples, unsigned int runs);

#endif
