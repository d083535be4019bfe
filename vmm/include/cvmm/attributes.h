/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The mark of an exported function of libcvmm. */
#ifndef CVMM_ATTRIBUTES_H
#define CVMM_ATTRIBUTES_H

#include <vmm-sys-util/attributes.h>

#define CVMM_API VSU_EXPORT

#endif
