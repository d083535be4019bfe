/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device that supports the requests for all kinds, for the target that is a back-end. */
#ifndef FUZZ_KINDS_H
#define FUZZ_KINDS_H

#include <vhost/backend.h>

/* Sets operations that require no state of their owner. */
void kinds_ops(struct vhost_user_backend_ops *ops);

#endif
