/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The sections of a saved machine's state (docs/state-format.md). */
#ifndef VMM_TRANSFER_STATE_KINDS_H
#define VMM_TRANSFER_STATE_KINDS_H

#include <vmm-sys-util/state.h>

/* Sections that this version writes or reads, up to a row without a name. */
extern const struct vsu_state_kind vmm_state_kinds[];

#endif
