/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Structs of <cvmm/status.h>: of status.c and the files beside it. */
#ifndef VMM_API_STATUS_PRIVATE_H
#define VMM_API_STATUS_PRIVATE_H

#include "api/results.h"
#include "cvmm/status.h"

/* Bytes of the guest's memory, and of it in the host's. */
void cvmm_priv_count_memory(const struct vmm_machine *m, uint64_t *size, uint64_t *present);

#endif
