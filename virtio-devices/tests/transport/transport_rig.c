/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device behind a register interface; tests run with each interface. */
#include <config.h>

#include <check.h>
#include <stddef.h>

#include "registers.h"

void transport_rig_init(struct transport_rig *d,
		const struct register_set *registers,
		const struct virtdev_ops *ops, const struct virtdev_info *info,
		const struct virtdev_transport_ops *transport_ops, void *self)
{
	ck_assert_int_eq(virtdev_new(ops, info, self, &d->dev, NULL), 0);
	ck_assert_int_eq(virtdev_transport_new(d->dev, transport_ops, self,
					       &d->t, NULL), 0);
	d->registers = registers;
	d->f = registers->make(d->t);
}

void transport_rig_fini(struct transport_rig *d)
{
	d->registers->free(d->f);
	virtdev_transport_free(d->t);
	virtdev_free(d->dev);
}

uint32_t transport_rig_get(const struct transport_rig *d, enum field field)
{
	return d->registers->get(d->f, field);
}

void transport_rig_set(const struct transport_rig *d, enum field field,
		       uint64_t value)
{
	d->registers->set(d->f, field, (uint32_t)value);
}
