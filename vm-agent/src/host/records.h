/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * The records of a guest, of a container and of a process, as <vm-agent/protocol.h> lists them. Each function
 * checks its struct, and adds records to an empty request, which the caller frees, also after a failure. -EINVAL: a
 * member; -E2BIG: the texts exceed VAGENT_MAX_REQUEST; -ENOMEM.
 */
#ifndef VM_AGENT_HOST_RECORDS_H
#define VM_AGENT_HOST_RECORDS_H

#include "vm-agent/guest.h"
#include "vm-agent/process.h"
#include "vm-agent/request.h"

int vagent_priv_add_guest(struct vagent_request *r, const struct vagent_guest_config *c, struct vsu_error *err)
	VSU_NODISCARD;
int vagent_priv_add_container(struct vagent_request *r, const struct vagent_container *c, struct vsu_error *err)
	VSU_NODISCARD;
int vagent_priv_add_process(struct vagent_request *r, const struct vagent_process_config *c, struct vsu_error *err)
	VSU_NODISCARD;
/* Whether a request has a record with this letter. */
bool vagent_priv_has_record(const struct vagent_request *r, char letter);

#endif
