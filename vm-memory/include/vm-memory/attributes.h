/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Marks the exported functions of libvm-memory. */
#ifndef VM_MEMORY_ATTRIBUTES_H
#define VM_MEMORY_ATTRIBUTES_H

#include <vmm-sys-util/attributes.h>

#define VMEM_API VSU_EXPORT

#endif
