/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A fake of the kernel's vhost in this process. */
#include <config.h>

#include <errno.h>
#include <string.h>

#include "fake_vhost.h"

struct fake_vhost fake_vhost;

void fake_vhost_init(void)
{
	unsigned int i;

	memset(&fake_vhost, 0, sizeof(fake_vhost));
	fake_vhost.offered = ~UINT64_C(0);
	fake_vhost.log_fd = -1;
	for (i = 0; i < 2; i++) {
		fake_vhost.rings[i].kick = fake_vhost.rings[i].call = -1;
		fake_vhost.rings[i].err = fake_vhost.rings[i].backend = -1;
	}
}

static int ring_runs(const struct fake_ring *r)
{
	return r->backend >= 0 || fake_vhost.running;
}

static int set_memory(const struct vhost_memory *m)
{
	if (m->nregions > FAKE_REGIONS)
		return -E2BIG;
	fake_vhost.nregions = m->nregions;
	memcpy(fake_vhost.regions, m->regions,
	       m->nregions * sizeof(m->regions[0]));
	return 0;
}

static int set_features(uint64_t bits)
{
	if (bits & ~fake_vhost.offered)
		return -EOPNOTSUPP;
	if (bits & UINT64_C(1) << VHOST_F_LOG_ALL && !fake_vhost.log_base)
		return -EFAULT;
	fake_vhost.features = bits;
	return 0;
}

static int set_state(unsigned long request, struct vhost_vring_state *s)
{
	struct fake_ring *r = &fake_vhost.rings[s->index];

	if (request == VHOST_GET_VRING_BASE)
		s->num = r->base;
	else if (ring_runs(r))
		return -EBUSY;
	else if (request == VHOST_SET_VRING_NUM)
		r->num = s->num;
	else
		r->base = s->num;
	return 0;
}

static int set_file(unsigned long request, const struct vhost_vring_file *f)
{
	struct fake_ring *r = &fake_vhost.rings[f->index];
	int *const at = request == VHOST_SET_VRING_KICK ? &r->kick :
			request == VHOST_SET_VRING_CALL ? &r->call :
			request == VHOST_SET_VRING_ERR ? &r->err : &r->backend;

	if (at == &r->backend && f->fd >= 0 && !r->num)
		return -EFAULT;
	*at = f->fd;
	return 0;
}

static int set_running(int on)
{
	if (on && !(fake_vhost.rings[0].num && fake_vhost.rings[1].num))
		return -EFAULT;
	fake_vhost.running = on;
	return 0;
}

static int take(unsigned long request, void *arg)
{
	switch (request) {
	case VHOST_GET_FEATURES:
		*(uint64_t *)arg = fake_vhost.offered;
		return 0;
	case VHOST_SET_FEATURES:
		return set_features(*(uint64_t *)arg);
	case VHOST_GET_BACKEND_FEATURES:
		*(uint64_t *)arg = 0xff;
		return 0;
	case VHOST_SET_BACKEND_FEATURES:
		fake_vhost.backend_features = *(uint64_t *)arg;
		return 0;
	case VHOST_SET_MEM_TABLE:
		return set_memory(arg);
	case VHOST_SET_LOG_BASE:
		fake_vhost.log_base = *(uint64_t *)arg;
		return 0;
	case VHOST_SET_LOG_FD:
		fake_vhost.log_fd = *(int *)arg;
		return 0;
	case VHOST_SET_VRING_ADDR:
		fake_vhost.rings[*(uint32_t *)arg].addr =
			*(struct vhost_vring_addr *)arg;
		return 0;
	case VHOST_VSOCK_SET_GUEST_CID:
		fake_vhost.cid = *(uint64_t *)arg;
		return 0;
	case VHOST_VSOCK_SET_RUNNING:
		return set_running(*(int *)arg);
	}
	return _IOC_SIZE(request) == sizeof(struct vhost_vring_file) &&
	       _IOC_NR(request) >= _IOC_NR(VHOST_SET_VRING_KICK) ?
	       set_file(request, arg) : set_state(request, arg);
}

/* A sanitizer's runtime refers to it from another object. */
__attribute__((visibility("default")))
int __wrap_ioctl(int fd, unsigned long request, void *arg)
{
	const bool once = request == fake_vhost.fails_once;
	int rc = 0;

	(void)fd;
	fake_vhost.count++;
	if (once)
		fake_vhost.fails_once = 0;
	if (once || request == fake_vhost.fails)
		rc = -fake_vhost.code;
	else if (request == VHOST_SET_OWNER)
		rc = fake_vhost.owned ? -EBUSY : 0;
	else
		rc = fake_vhost.owned ? take(request, arg) : -EPERM;
	if (request == VHOST_SET_OWNER && !rc)
		fake_vhost.owned = true;
	errno = -rc;
	return rc ? -1 : 0;
}
