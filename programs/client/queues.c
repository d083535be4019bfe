/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Virtqueues of one session, from the driver's side. */
#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <vhost/protocol.h>
#include <virtio-queue/features.h>

#include "queues.h"

#define PAGE 4096u
/* Guest address of the memory; not 0, so that a stray 0 is detected. */
#define BASE UINT64_C(0x100000)

/* --------------------------------------------------------------------- open */

enum vsu_exit queues_open(struct queues *q, const char *socket, uint64_t required,
			  uint64_t wanted, struct vsu_error *err)
{
	enum vsu_exit status;
	uint32_t i;

	memset(q, 0, sizeof(*q));
	for (i = 0; i < QUEUES_MAX; i++)
		q->rings[i] = RING_NONE;
	status = client_open(&q->client, socket, required, err);
	if (status != VSU_EXIT_OK)
		return status;
	q->features = vhost_user_frontend_features(q->client.fe) & (VQ_F_VERSION_1 | wanted);
	if (q->features & VQ_F_VERSION_1)
		return VSU_EXIT_OK;
	vsu_error_set(err, -EOPNOTSUPP, "'%s': the back-end lacks the feature VERSION_1; only devices of VIRTIO 1.0 and later are supported",
		      socket);
	queues_close(q, false);
	return VSU_EXIT_HOST;
}

void queues_close(struct queues *q, bool in_order)
{
	struct vsu_error ignored = VSU_ERROR_INIT;
	uint32_t i;

	if (in_order && !q->client.dead && !vhost_user_frontend_stop(q->client.fe, &ignored))
		(void)client_wait(&q->client, &ignored);
	client_close(&q->client);
	for (i = 0; i < q->n; i++)
		ring_close(&q->rings[i]);
	vmem_map_unref(q->map);
	q->map = NULL;
}

bool queues_refused(const struct queues *q)
{
	const struct vsu_error *why = &q->client.reason;

	return q->client.dead && why->code == -EPROTO && why->arg == VHOST_USER_SET_VRING_NUM;
}

/* ------------------------------------------------------------------- memory */

static uint64_t page_up(uint64_t v)
{
	return (v + PAGE - 1) & ~(uint64_t)(PAGE - 1);
}

/* A request occupies one entry if indirect tables are available. */
uint32_t queues_slots(const struct queues *q, uint32_t size, uint32_t chain)
{
	return q->features & VQ_F_INDIRECT_DESC ? size : size / chain;
}

unsigned char *queues_at(const struct queues *q, uint64_t gpa, uint64_t len)
{
	uint32_t hint = 0;

	return vmem_view_translate(vmem_map_view(q->map), &hint, gpa, len, VMEM_READ | VMEM_WRITE);
}

/* A call of any ring is a signal on one eventfd. */
static int share_call(struct queues *q, struct ring *r, struct vsu_error *err)
{
	if (r == q->rings) {
		q->call_fd = r->call_fd;
		return 0;
	}
	if (dup3(q->call_fd, r->call_fd, O_CLOEXEC) < 0)
		return vsu_error_sys(err, -errno, "cannot share an eventfd");
	return 0;
}

static int make_ring(struct queues *q, struct ring *r, uint64_t gpa, uint64_t tables_at,
		     uint32_t chain, struct vsu_error *err)
{
	struct vq_driver_config config = {
		.map = q->map, .gpa = gpa, .features = q->features, .size = q->size,
	};
	int rc;

	if (q->features & VQ_F_INDIRECT_DESC) {
		config.indirect_max = chain;
		config.indirect_gpa = gpa + tables_at;
	}
	rc = ring_open(r, &config, err);
	return rc < 0 ? rc : share_call(q, r, err);
}

/* Layout: rings with their tables, then the room of the requests, in one region. */
static int make_rings(struct queues *q, const struct queues_plan *plan, struct vsu_error *err)
{
	struct vq_layout layout;
	uint64_t stride, tables_at;
	int rc = vq_ring_layout(q->size, q->features, &layout);

	if (rc < 0)
		return vsu_error_sys(err, rc, "rings of %u entries", q->size);
	tables_at = page_up(layout.size);
	stride = page_up(tables_at + (uint64_t)q->size * plan->chain * 16);
	q->room_gpa = BASE + plan->n * stride;
	rc = ring_memory(&q->map, BASE, page_up(plan->n * stride + plan->room), err);
	while (rc == 0 && q->n < plan->n) {
		rc = make_ring(q, &q->rings[q->n], BASE + q->n * stride, tables_at, plan->chain, err);
		q->n++;
	}
	return rc;
}

/* -------------------------------------------------------------------- start */

enum vsu_exit queues_start(struct queues *q, const struct queues_plan *plan,
			   struct vsu_error *err)
{
	uint32_t i;
	int rc;

	q->first = plan->first;
	q->size = QUEUES_MIN_SIZE;
	while (queues_slots(q, q->size, plan->chain) < plan->slots)
		q->size *= 2;
	rc = make_rings(q, plan, err);
	if (rc == 0)
		rc = vhost_user_frontend_set_memory(q->client.fe, q->map, err);
	for (i = 0; rc == 0 && i < q->n; i++)
		rc = ring_describe(&q->rings[i], &q->client, q->first + i, err);
	if (rc == 0)
		rc = vhost_user_frontend_start(q->client.fe, q->features, err);
	return rc < 0 ? VSU_EXIT_HOST : client_wait(&q->client, err);
}

/* ----------------------------------------------------------------- requests */

void queues_kick(struct queues *q)
{
	uint32_t i;

	for (i = 0; i < q->n; i++)
		ring_kick(&q->rings[i]);
}

/* Takes turns, so that a fast ring does not hide the others. */
int queues_collect(struct queues *q, struct queues_used *used)
{
	uint32_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < q->n; i++) {
		used->ring = q->next;
		rc = vq_driver_collect(q->rings[q->next].driver, &used->cookie, &used->written);
		q->next = (q->next + 1) % q->n;
	}
	return rc;
}

bool queues_want_call(struct queues *q)
{
	bool some = false;
	uint32_t i;

	for (i = 0; i < q->n; i++)
		if (vq_driver_enable_call(q->rings[i].driver))
			some = true;
	return some;
}
