/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The remedies of failures, for commands; the control socket adds them, too. */
#ifndef VMM_COMMON_REMEDY_H
#define VMM_COMMON_REMEDY_H

#include "control/remedy.h"

#endif
