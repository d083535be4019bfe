/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Marks the exported functions of libvm-arch. */
#ifndef VM_ARCH_ATTRIBUTES_H
#define VM_ARCH_ATTRIBUTES_H

#include <vmm-sys-util/attributes.h>

#define VARCH_API VSU_EXPORT

#endif
