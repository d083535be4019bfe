/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Limits of a configuration as values of control groups of version 2.
 *
 * Threads: no state.
 */
#ifndef OCI_CGROUP_VALUES_H
#define OCI_CGROUP_VALUES_H

#include "oci/spec.h"

/* The weight for shares of version 1. */
int64_t oci_cgroup_weight(int64_t shares);

/* The limit of swap alone; below 0: none. */
int64_t oci_cgroup_swap(const struct oci_resources *r);

#endif
