/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Marks an exported function of libvhost. */
#ifndef VHOST_ATTRIBUTES_H
#define VHOST_ATTRIBUTES_H

#include <vmm-sys-util/attributes.h>

#define VHOST_USER_API VSU_EXPORT

#endif
