/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* One bounded turn of a queue whose chains are finished at once. */
#include <config.h>

#include <errno.h>

#include <virtio-queue/turn.h>
#include <vmm-sys-util/sized.h>

#define DEFAULT_CHAINS 256u
#define DEFAULT_BYTES (UINT64_C(4) << 20)

/* The caller's turn with its defaults, or -EINVAL. */
static int turn_read(struct vq_turn *t, const struct vq_turn *turn)
{
	int rc = vsu_copy_sized(t, sizeof(*t), turn, "struct vq_turn", NULL);

	if (rc < 0 || !t->serve)
		return -EINVAL;
	t->max_chains = t->max_chains ? t->max_chains : DEFAULT_CHAINS;
	t->max_bytes = t->max_bytes ? t->max_bytes : DEFAULT_BYTES;
	return 0;
}

/* Serves until the ring is empty (0), broken, or what is left is used (1). */
static int serve_chains(struct vq *q, struct vq_turn *left,
			struct vq_chain *chain)
{
	uint64_t bytes;
	int rc;

	while (left->max_chains && left->max_bytes) {
		rc = vq_pop(q, chain);
		if (rc != 1)
			return rc;
		bytes = (uint64_t)chain->readable_len + chain->writable_len;
		left->max_chains--;
		left->max_bytes -= bytes < left->max_bytes ? bytes :
				   left->max_bytes;
		vq_push(q, chain, left->serve(left->opaque, q, chain));
	}
	return 1;
}

int vq_turn(struct vq *q, const struct vq_turn *turn)
{
	struct iovec pieces[VQ_TURN_PIECES];
	struct vq_chain chain = { .iov = pieces, .iov_max = VQ_TURN_PIECES };
	struct vq_turn left;
	int rc = turn_read(&left, turn);

	if (rc < 0)
		return rc;
	if (left.iov) {
		chain.iov = left.iov;
		chain.iov_max = left.iov_max;
	}
	do {
		vq_disable_notify(q);
		rc = serve_chains(q, &left, &chain);
		if (vq_publish(q) && left.notify)
			left.notify(left.opaque);
	} while (rc == 0 && vq_enable_notify(q));
	return rc;
}
