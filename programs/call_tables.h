/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* System calls of devices, for call_filter_load(). */
#ifndef PROGRAMS_CALL_TABLES_H
#define PROGRAMS_CALL_TABLES_H

#include "call_filter.h"

/* Of any device that serves a front-end or a guest. */
extern const struct call_table call_table_serving;

/* Of a shared folder, in addition; names for daemons. */
extern const char *const call_names_folder[];
extern const struct call_table call_table_folder;

/* A userfaultfd. */
extern const struct call_table call_table_faults;

#endif
