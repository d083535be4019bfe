/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The parts of the guest's physical addresses: 3 to 4 GiB is for devices. */
#ifndef VMM_ADDRESS_SPACE_H
#define VMM_ADDRESS_SPACE_H

#include <stdint.h>

#define VMM_HOLE_FIRST	(UINT64_C(3) << 30)
#define VMM_HOLE_END	(UINT64_C(4) << 30)
#define VMM_PAGE	UINT64_C(4096)

#endif
