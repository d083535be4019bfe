/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The processes that the agent serves. */
#include <stddef.h>

#include "init/guest.h"

struct guest_process *vagent_priv_guest_processes;

struct guest_process *vagent_priv_process_find(uint32_t number)
{
	struct guest_process *p = vagent_priv_guest_processes;

	while (p && p->number != number)
		p = p->next;
	return p;
}
