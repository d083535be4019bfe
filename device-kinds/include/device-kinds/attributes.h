/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The mark of an exported function of libdevice-kinds. */
#ifndef DEVICE_KINDS_ATTRIBUTES_H
#define DEVICE_KINDS_ATTRIBUTES_H

#include <vmm-sys-util/attributes.h>

#define DEVKIND_API VSU_EXPORT

#endif
