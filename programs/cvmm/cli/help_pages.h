/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Topics of "cvmm help" with a manual page: which page describes a command, and a summary of
 * the pages that describe no command.
 *
 * Threads: the main thread.
 */
#ifndef VMM_HELP_PAGES_H
#define VMM_HELP_PAGES_H

#include <stdbool.h>

/*
 * Prints the summary, options and commands of a topic, if it is not a command of cvmm, and then
 * the name of its page. False: no page has that topic.
 */
bool vmm_help_page(const char *topic);

/* Prints one line with the topics that are neither commands nor devices. */
void vmm_help_page_topics(void);

/* The topic that a manual page describes first, by its name, as "cvmm-exec" or "cvmm-exec(1)"; or NULL. */
const char *vmm_help_page_named(const char *name);

/* The topic of row n, or NULL after the last. */
const char *vmm_help_page_topic(unsigned int n);

#endif
