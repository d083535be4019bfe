/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The user of a machine (rig.h), who sends lines and hears a line for each: words of a request and its
 * result. Any thread but that of the machine, which serves them in its loop. user.c calls the functions
 * of <cvmm/requests.h>; tests of a program may link another server.
 */
#ifndef VMM_TESTS_MACHINE_USER_H
#define VMM_TESTS_MACHINE_USER_H

#include "rig.h"

#define ADDED(n) "{\"ok\":true,\"device\":" #n "}\n"
#define DONE "{\"ok\":true}\n"

extern const struct rig_user usual_user;

/* A connection to the machine. */
int user_connect(void);
void user_sends(int user, const char *line);
const char *user_hears(int user);

/* The reply to the line, over a connection that stays open; stored in said. */
extern char said[8192];
const char *user_says(const char *line);
/* Types the line and passes descriptors with it. */
const char *user_passes(const char *line, const int *fds, unsigned int n);
/* The machine has ended. */
void user_leaves(void);

void assert_told(const char *line, const char *answer);
void assert_refusal(const char *line, const char *why);
bool has_device(unsigned int number);
/* Waits until the status contains the words. */
void wait_for_status(const char *words);
void wait_until_gone(unsigned int number);

#endif
