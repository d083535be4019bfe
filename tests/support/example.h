/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Runs a program of examples/ that serves a device behind a socket. */
#ifndef SUPPORT_EXAMPLE_H
#define SUPPORT_EXAMPLE_H

#include <stdbool.h>

/* Finds the built program; false after a TAP line that skips the test. */
bool example_find(const char *name);
/*
 * path: the program of another build, instead of the built one, if it is not
 * NULL.
 */
bool example_find_at(const char *name, const char *path);

/* For a checked fixture: starts "NAME SOCKET" in its own folder; stops it. */
void example_launch(void);
void example_end(void);

/* Connects as soon as the program listens. */
int example_connect(void);

/* Runs "NAME here TEXT" and expects TEXT as its output. */
void example_expect_here(const char *text);

#endif
