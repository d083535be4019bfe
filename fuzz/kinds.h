/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device of every kind, for the target that is a back-end. */
#ifndef FUZZ_KINDS_H
#define FUZZ_KINDS_H

#include <vhost/backend.h>

/* Ops that need to know nothing of their owner. */
void kinds_ops(struct vhost_user_backend_ops *ops);

#endif
