/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The members of struct vq, and what the files of the device side share. */
#ifndef VIRTIO_QUEUE_PRIV_VQ_H
#define VIRTIO_QUEUE_PRIV_VQ_H

#include <stdbool.h>
#include <stdint.h>

#include <virtio-queue/queue.h>

enum vq_priv_state {
	FLIGHT_FREE = 0,
	FLIGHT_POPPED,		/* the device works on it */
	FLIGHT_WAITING,		/* pushed before its turn (in-order rings) */
};

/* The state of a buffer id while the device owns its chain. */
struct vq_priv_flight {
	struct vmem_map *map;	/* a reference of its own, after the queue switched to another
				   map; else NULL */
	uint32_t written;	/* while waiting */
	uint16_t ndesc;		/* ring slots (packed) */
	uint16_t state;		/* enum vq_priv_state */
#ifdef VQ_DEBUG
	uint64_t marked;	/* bytes, since it was popped */
#endif
};

/* The last range of each stretch of 4 MiB is cached, at the stretch's number modulo STRETCHES. */
#define STRETCH_SHIFT	22
#define STRETCHES	16u

/* Maximum I/O addresses of one chain that the IOMMU's owner can deny. */
#define VQ_PRIV_DENIED	16u

/* The private members of a chain. */
enum {
	CHAIN_TAKEN_AGAIN,	/* tracked: a previous process had popped it */
	/* if a writable buffer is bad: host address and bytes of the end of the
	   last writable buffer; 0 bytes if that one is bad */
	CHAIN_LAST_HVA,
	CHAIN_LAST_LEN,
};

typedef void (*vq_priv_use_fn)(struct vq *q, uint16_t id, uint32_t written);

struct vq_priv_again;

/* The operations of a format, or of "idle": those of disabled and broken queues access nothing. */
struct vq_priv_ops {
	int (*pop)(struct vq *q, struct vq_chain *chain);
	int (*pop_batch)(struct vq *q, struct vq_chain *chains, unsigned int n);
	void (*unpop)(struct vq *q, struct vq_chain *chain);
	void (*push)(struct vq *q, const struct vq_chain *chain,
		     uint32_t written);
	void (*push_batch)(struct vq *q, const struct vq_chain *chains,
			   const uint32_t *written, unsigned int n);
	bool (*publish)(struct vq *q);
	void (*disable_notify)(struct vq *q);
	bool (*enable_notify)(struct vq *q);
	bool (*has_available)(struct vq *q);
};

/* The parts of a format that in-flight tracking calls; its own vq_priv_ops surround them. */
struct vq_priv_tracking {
	/* Starts at the position in the in-flight area; without one, at base. */
	int (*start)(struct vq *q, uint32_t base, struct vsu_error *err);
	/* Pops a chain that a previous process had popped: 0, or as vq_pop(). */
	int (*take_again)(struct vq *q, struct vq_chain *chain,
			  const struct vq_priv_again *again);
	/* Records n chains that were just popped together, n > 0. */
	void (*taken)(struct vq *q, const struct vq_chain *chains,
		      unsigned int n);
	/* Called before the chain that was popped last returns to the ring. */
	void (*untaken)(struct vq *q, uint16_t head);
	/* Records a pushed chain, and then stores its used element. */
	vq_priv_use_fn use;
	/* Called before and after the store that makes used elements visible. */
	void (*publish)(struct vq *q);
	void (*published)(struct vq *q);
};

/* The sizes, start and position of a ring format. */
struct vq_priv_format {
	const struct vq_priv_ops *ops;
	const struct vq_priv_tracking *tracking;
	uint32_t align[3];	/* of descriptor, driver and device area */
	uint32_t desc_access;	/* VMEM_READ, VMEM_WRITE: the device's, to the
				   descriptor area */
	bool power_of_two;
	uint64_t (*desc_len)(uint32_t size);
	uint64_t (*driver_len)(uint32_t size);
	uint64_t (*device_len)(uint32_t size);
	/* Starts at base, after the areas were translated. */
	int (*start)(struct vq *q, uint32_t base, struct vsu_error *err);
	uint32_t (*base)(const struct vq *q);
};

struct vq_priv_area {
	uint64_t gpa;
	uint64_t len;
	unsigned char *hva;
	struct vmem_dirty *dirty;
};

enum { AREA_DESC, AREA_DRIVER, AREA_DEVICE, AREA_COUNT };

/* Buffer ids in the order of their arrival: in_order.c. */
struct vq_priv_order {
	uint16_t *ids;
	uint32_t in, out;		/* next to arrive, next to be used */
};

/* Why the queue is broken: idle.c. */
struct vq_priv_broken {
	uint32_t why;			/* enum vq_broken */
	uint64_t got, limit;
};

/*
 * I/O addresses that the IOMMU's owner denied, valid until the chain at the head
 * changes: memory.c.
 */
struct vq_priv_denied {
	uint64_t gpas[VQ_PRIV_DENIED];
	uint32_t n;
	uint64_t taken;			/* q->taken when they were recorded */
};

/* The dirty log: dirty.c. */
struct vq_priv_log {
	const struct vq_log *area;	/* borrowed; or NULL */
	uint64_t used_gpa;		/* of the device area */
	bool ring;			/* stores to the device area are logged */
};

/* The last I/O address without a translation, and the last fault of a chain. */
struct vq_priv_last {
	struct vq_miss miss;
	struct vq_fault fault;
};

struct vq_priv_mode {
	bool enabled;
	bool polled;			/* see vq_set_polled() */
};

struct vq {
	/* members that each turn reads */
	const struct vq_priv_ops *ops;
	const uint64_t *generation;	/* the space's */
	uint64_t seen;			/* generation of map */
	const struct vmem_view *view;
	const struct vmem_range *range;	/* of the last translation */
	const struct vmem_range *stretch[STRETCHES]; /* cache of ranges, by address */
	uint32_t size;
	uint32_t limit;			/* longest chain */
	uint32_t table_limit;		/* most entries of an indirect table; 0: not negotiated */
	bool has_event_idx, in_order;
	bool marks;			/* a dirty bitmap or a log may be active */
	uint16_t next_avail;
	uint16_t avail_idx;		/* split: the value loaded last */
	uint16_t next_used;
	uint32_t avail_tail;		/* packed: flags of an available slot */
	uint64_t used_flags;		/* packed: flags of a used slot */
	uint32_t published;		/* next_used at the last publish */
	uint32_t slots;			/* packed: number in flight or not published */
	uint64_t first_word;		/* packed: of the first slot not published */
	uint64_t taken, released;	/* number of chains popped, and pushed */
	uint64_t bytes;			/* of popped chains */
	struct vq_priv_order order;
	struct vq_priv_flight *flights;	/* by buffer id */
	struct vq_priv_area area[AREA_COUNT];
	uint64_t count[VQ_COUNT_FAULTS + 1];	/* those of chains and bytes are unused */

	/* set-up */
	const struct vq_priv_format *format;
	struct vmem_space *space;
	struct vmem_map *map;		/* counted; of view */
	uint32_t nflights;		/* entries allocated */
	uint32_t index;			/* of the ring, for messages */
	struct vq_priv_mode mode;
	struct vq_priv_broken broken;
	uint32_t base;			/* position when it was disabled */
	struct vq_priv_last last;
	struct vq_priv_denied denied;
	struct vq_priv_log log;
	struct vq_priv_track *track;	/* or NULL */
	struct vmem_reader reader;
};

/* memory.c */

/*
 * Switches an enabled queue to the current map. -EAGAIN: the IOTLB has no translation of
 * the ring, and the queue keeps its previous map. -EFAULT: the ring is not in memory, and
 * the queue is broken.
 */
int vq_priv_refresh(struct vq *q) VSU_COLD;

/* Translates the ring of a queue that is being enabled. */
int vq_priv_attach(struct vq *q, struct vsu_error *err);

/*
 * Called for an address that the view does not contain. -EAGAIN: the IOMMU's owner can
 * provide it; the miss is recorded for vq_missed(). Else -EFAULT.
 */
int vq_priv_miss(struct vq *q, const struct vmem_view *view, uint64_t gpa,
		 uint64_t len, uint32_t access) VSU_COLD;

/* Computes q->marks after a change of the view or the log. */
void vq_priv_set_marks(struct vq *q);

/* Drops the queue's reference to the map; chains in flight get references of their own. */
void vq_priv_detach(struct vq *q);

/* The map on which a chain in flight was translated. */
struct vmem_map *vq_priv_chain_map(const struct vq *q, uint16_t head);

/* dirty.c */

/* [off, off + len) of an area was stored to. */
void vq_priv_mark_area(struct vq *q, const struct vq_priv_area *area,
		       uint64_t off, uint64_t len);

/* [hva, hva + len) was stored to for the chain. */
void vq_priv_mark_chain(struct vq *q, uint16_t head, const void *hva,
			uint64_t len);

/* debug.c: empty except in a debug build */
#ifdef VQ_DEBUG
#define VQ_PRIV_DEBUG true

/* Starts to count marked bytes of n popped chains, if n is positive; returns n. */
int vq_priv_debug_popped(struct vq *q, const struct vq_chain *chains, int n);

/*
 * Adds to the bytes of the chain that were reported as written for the dirty
 * log.
 */
void vq_priv_debug_marked(struct vq *q, uint16_t head, uint64_t len);

/* Aborts if the used length exceeds the bytes that were reported as written. */
void vq_priv_debug_pushed(const struct vq *q, const struct vq_chain *chains,
			  const uint32_t *written, unsigned int n);
#else
#define VQ_PRIV_DEBUG false
#define vq_priv_debug_popped(q, chains, n) (n)
#define vq_priv_debug_marked(q, head, len) ((void)0)
#define vq_priv_debug_pushed(q, chains, written, n) ((void)0)
#endif

/* in_order.c */
void vq_priv_push_in_order(struct vq *q, uint16_t head, uint32_t written,
			   vq_priv_use_fn use);

/* split.c */
extern const struct vq_priv_ops vq_priv_split_ops;

/* split_format.c, packed_format.c */
extern const struct vq_priv_format vq_priv_split;
extern const struct vq_priv_format vq_priv_packed;

static inline uint32_t vq_priv_inflight(const struct vq *q)
{
	return (uint32_t)(q->taken - q->released);
}

/* The wrap counter of a packed ring for used slots. */
static inline bool vq_priv_used_wrap(const struct vq *q)
{
	return q->used_flags;
}

/* The number of bytes from gpa that are in the range, at most left; the range contains gpa. */
static inline uint64_t vq_priv_range_part(const struct vmem_range *range,
					  uint64_t gpa, uint64_t left)
{
	const uint64_t behind = range->span - (gpa - range->first);

	return behind < left ? behind + 1 : left;
}

static inline const struct vmem_range **vq_priv_stretch(struct vq *q,
							uint64_t gpa)
{
	return &q->stretch[gpa >> STRETCH_SHIFT & (STRETCHES - 1)];
}

static inline uint32_t vq_priv_order_after(const struct vq *q, uint32_t at)
{
	return at + 1 == q->size ? 0 : at + 1;
}

/* Passes the chain to the device. */
static inline void vq_priv_hold(struct vq_chain *chain, uint16_t head,
				struct vq_priv_flight *flight)
{
	flight->state = FLIGHT_POPPED;
	chain->head = head;
}

/* Passes a walked chain to the device and counts its bytes; the caller counts q->taken. */
static inline void vq_priv_taken(struct vq *q, struct vq_chain *chain,
				 uint16_t head, uint64_t bytes)
{
	vq_priv_hold(chain, head, &q->flights[head]);
	q->bytes += bytes;
	if (VSU_UNLIKELY(q->in_order)) {
		q->order.ids[q->order.in] = head;
		q->order.in = vq_priv_order_after(q, q->order.in);
	}
}

/* Whether the device holds the chain. */
static inline bool vq_priv_is_out(const struct vq *q, uint16_t head)
{
	return head < q->size && q->flights[head].state == FLIGHT_POPPED;
}

static inline uint64_t vq_priv_chain_bytes(const struct vq_chain *chain)
{
	return (uint64_t)chain->readable_len + chain->writable_len;
}

/* Takes the chain back from the device, with its reference to memory. */
static inline void vq_priv_land(struct vq_priv_flight *f)
{
	struct vmem_map *map = f->map;

	f->state = FLIGHT_FREE;
	if (VSU_UNLIKELY(map)) {	/* an earlier map than q->map */
		f->map = NULL;
		vmem_map_unref(map);	/* last, so that a push needs no frame */
	}
}

/* Takes a chain back from the device and counts it. */
static inline void vq_priv_release(struct vq *q, uint16_t head)
{
	q->released++;
	vq_priv_land(&q->flights[head]);
}

/* Undoes the pop of a chain. */
static inline void vq_priv_untaken(struct vq *q,
				   const struct vq_chain *chain)
{
	vq_priv_release(q, chain->head);
	q->taken--;
	q->released--;
	q->bytes -= vq_priv_chain_bytes(chain);
	q->count[VQ_COUNT_FAULTS] -= chain->fault.bad != 0;
	if (q->in_order)
		q->order.in = (q->order.in ? q->order.in : q->size) - 1;
}

#endif
