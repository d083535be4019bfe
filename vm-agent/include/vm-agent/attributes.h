/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Marks the exported functions of libvm-agent. */
#ifndef VM_AGENT_ATTRIBUTES_H
#define VM_AGENT_ATTRIBUTES_H

#include <vmm-sys-util/attributes.h>

#define VAGENT_API VSU_EXPORT

#endif
