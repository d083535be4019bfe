/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Structs of a caller that a function of <cvmm/status.h> fills, and sums of several files. */
#ifndef VMM_API_RESULTS_H
#define VMM_API_RESULTS_H

#include "api/machine_private.h"
#include "cvmm/status.h"

/* given: the size that the caller has set in out, which may be NULL; name: of the struct. */
int cvmm_priv_check_result(const void *out, size_t given, const char *name, struct vsu_error *err);

/* -ENOENT: the machine has not arrived. */
int cvmm_priv_check_made(const struct cvmm_machine *m, struct vsu_error *err);

/* Copies the members up to the size that the caller has set, which stays. */
void cvmm_priv_copy_result(void *out, size_t given, const void *from, size_t size);

/* memory_status.c: bytes of the guest's memory, and of it in the host's. */
void cvmm_priv_count_memory(const struct vmm_machine *m, uint64_t *size, uint64_t *present);

#endif
