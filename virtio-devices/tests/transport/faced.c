/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A device behind a face, for tests that run through each of them. */
#include <config.h>

#include <check.h>
#include <stddef.h>

#include "face.h"

void faced_init(struct faced *d, const struct face *face,
		const struct virtdev_ops *ops, const struct virtdev_info *info,
		const struct virtdev_transport_ops *transport_ops, void *self)
{
	ck_assert_int_eq(virtdev_new(ops, info, self, &d->dev, NULL), 0);
	ck_assert_int_eq(virtdev_transport_new(d->dev, transport_ops, self,
					       &d->t, NULL), 0);
	d->face = face;
	d->f = face->make(d->t);
}

void faced_fini(struct faced *d)
{
	d->face->free(d->f);
	virtdev_transport_free(d->t);
	virtdev_free(d->dev);
}

uint32_t faced_get(const struct faced *d, enum field field)
{
	return d->face->get(d->f, field);
}

void faced_set(const struct faced *d, enum field field, uint64_t value)
{
	d->face->set(d->f, field, (uint32_t)value);
}
