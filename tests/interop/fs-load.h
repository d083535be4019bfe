/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Loads of two or more processes on one folder: guests that share it, or a
 * guest and its host. Each command returns the status of its process, and
 * prints why it is 1.
 */
#ifndef INTEROP_FS_LOAD_H
#define INTEROP_FS_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef int (*load_fn)(char *const *operands);

/* Mapped files. */
int load_turns(char *const *operands);	/* FILE first|second ROUNDS */
int load_fill(char *const *operands);	/* FILE MIB */
int load_verify(char *const *operands);	/* FILE MIB */
int load_cut(char *const *operands);	/* FILE MARK */
int load_reads(char *const *operands);	/* FILE COPY MILLISECONDS */

/* Names, locks. */
int load_locks(char *const *operands);	/* FILE records|whole ROUNDS */
int load_many(char *const *operands);	/* FOLDER N */

/* A folder whose names change all the time. */
int load_swap(char *const *operands);	/* FOLDER OUTSIDE SECONDS */
int load_probe(char *const *operands);	/* FOLDER SECONDS */

/* Prints the error with errno, and returns 1. */
int load_failed(const char *what, const char *name);

double load_seconds(void);

void load_pause(void);

/* Number n of the series that starts with seed. */
uint64_t load_word(uint64_t seed, uint64_t n);

#endif
