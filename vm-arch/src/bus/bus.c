/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Address ranges and their handlers. */
#include <config.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include <vm-arch/bus.h>
#include <vmm-sys-util/checked.h>

static int refuse_overlap(const struct varch_range *have,
			  const struct varch_range *want, struct vsu_error *err)
{
	return vsu_error_set(err, -EEXIST, "%s at %#" PRIx64
		" overlaps %s at %#" PRIx64, want->name, want->first,
		have->name, have->first);
}

int varch_bus_add(struct varch_bus *bus, const struct varch_range *range,
		struct vsu_error *err)
{
	unsigned int i, at = 0;

	if (bus->n == VARCH_BUS_MAX)
		return vsu_error_set(err, -ENOSPC,
			"more than %d devices in one machine", VARCH_BUS_MAX);
	for (i = 0; i < bus->n; i++) {
		if (vsu_ranges_overlap(bus->ranges[i].first, bus->ranges[i].len,
				       range->first, range->len))
			return refuse_overlap(&bus->ranges[i], range, err);
		if (bus->ranges[i].first < range->first)
			at = i + 1;
	}
	memmove(&bus->ranges[at + 1], &bus->ranges[at],
		(bus->n - at) * sizeof(bus->ranges[0]));
	bus->ranges[at] = *range;
	bus->n++;
	return 0;
}

static const struct varch_range *range_find(const struct varch_bus *bus,
					  uint64_t address, uint32_t len)
{
	unsigned int lo = 0, hi = bus->n, mid;

	while (lo < hi) {
		mid = (lo + hi) / 2;
		if (bus->ranges[mid].first <= address)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (!lo || vsu_range_exceeds(address - bus->ranges[lo - 1].first, len,
				     bus->ranges[lo - 1].len))
		return NULL;
	return &bus->ranges[lo - 1];
}

void varch_bus_access(const struct varch_bus *bus, uint64_t address,
		    struct varch_access *access)
{
	const struct varch_range *range = range_find(bus, address, access->len);

	if (!access->write)
		access->value = UINT64_MAX;
	access->park = false;
	if (!range)
		return;
	access->offset = address - range->first;
	range->fn(range->opaque, access);
}
