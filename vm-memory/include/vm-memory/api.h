/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* What this library exports. */
#ifndef VM_MEMORY_API_H
#define VM_MEMORY_API_H

#include <vmm-sys-util/attributes.h>

#define VMEM_API VSU_EXPORT

#endif
