/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* System calls of devices, for call_filter_load(). */
#ifndef PROGRAMS_CALL_TABLES_H
#define PROGRAMS_CALL_TABLES_H

#include "confine/call_filter.h"

/* Of any device that serves a front-end or a guest. */
extern const struct call_table call_table_serving;

/* Of a shared folder, in addition. */
extern const struct call_table call_table_folder;

/* Of a disk or network card that connects to a server again. */
extern const struct call_table call_table_connecting;

/* A userfaultfd. */
extern const struct call_table call_table_faults;

#endif
