/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Registers of virtio-mmio (VIRTIO 1.3, section 4.2.2): a table of them, and
 * the rules of when each may be written.
 */
#include <config.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <virtio-devices/mmio.h>

enum {
	MAGIC = 0x000, LAYOUT_VERSION = 0x004, DEVICE_ID = 0x008, VENDOR_ID = 0x00c,
	DEVICE_FEATURES = 0x010, DEVICE_FEATURES_SEL = 0x014,
	DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SEL = 0x024,
	QUEUE_SEL = 0x030, QUEUE_NUM_MAX = 0x034, QUEUE_NUM = 0x038,
	QUEUE_READY = 0x044, QUEUE_NOTIFY = VIRTDEV_MMIO_NOTIFY,
	INTERRUPT_STATUS = 0x060, INTERRUPT_ACK = 0x064, STATUS = 0x070,
	QUEUE_DESC_LOW = 0x080, QUEUE_DESC_HIGH = 0x084,
	QUEUE_DRIVER_LOW = 0x090, QUEUE_DRIVER_HIGH = 0x094,
	QUEUE_DEVICE_LOW = 0x0a0, QUEUE_DEVICE_HIGH = 0x0a4,
	SHM_SEL = 0x0ac, SHM_LEN_LOW = 0x0b0, SHM_LEN_HIGH = 0x0b4,
	SHM_BASE_LOW = 0x0b8, SHM_BASE_HIGH = 0x0bc,
	CONFIG_GENERATION = 0x0fc,
};

enum {
	STATUS_ACKNOWLEDGE = 0x01, STATUS_DRIVER = 0x02, STATUS_DRIVER_OK = 0x04,
	STATUS_FEATURES_OK = 0x08, STATUS_NEEDS_RESET = 0x40,
	STATUS_FAILED = 0x80,
};

#define MAGIC_VALUE 0x74726976	/* "virt" */
#define VENDOR_VALUE 0x4d4d5643	/* "CVMM" */

/* One queue as the driver described it. */
struct ring {
	uint64_t desc, driver, device;
	uint32_t size;
	bool ready;
};

struct virtdev_mmio {
	struct virtdev *dev;
	struct virtdev_mmio_ops ops;
	void *opaque;
	uint64_t driver_features;
	uint32_t device_features_sel, driver_features_sel;
	uint32_t queue_sel, shm_sel;
	uint32_t status, generation;
	uint32_t interrupt_status; /* atomic */
	uint32_t nrings;
	struct ring rings[];
};

int virtdev_mmio_new(struct virtdev *dev, const struct virtdev_mmio_ops *ops,
		     void *opaque, struct virtdev_mmio **out)
{
	uint32_t nrings = virtdev_info(dev)->nqueues;
	struct virtdev_mmio *m;

	m = calloc(1, sizeof(*m) + nrings * sizeof(m->rings[0]));
	if (!m)
		return -ENOMEM;
	m->dev = dev;
	m->opaque = opaque;
	m->nrings = nrings;
	memcpy(&m->ops, ops, ops->size < sizeof(m->ops) ? ops->size
							: sizeof(m->ops));
	*out = m;
	return 0;
}

void virtdev_mmio_free(struct virtdev_mmio *m)
{
	free(m);
}

/* The selected queue while the driver may still set it up, or NULL. */
static struct ring *open_ring(struct virtdev_mmio *m)
{
	if (m->queue_sel >= m->nrings || (m->status & STATUS_DRIVER_OK) ||
	    m->rings[m->queue_sel].ready)
		return NULL;
	return &m->rings[m->queue_sel];
}

static uint32_t read_magic(struct virtdev_mmio *m)
{
	(void)m;
	return MAGIC_VALUE;
}

static uint32_t read_version(struct virtdev_mmio *m)
{
	(void)m;
	return 2;
}

static uint32_t read_device_id(struct virtdev_mmio *m)
{
	return virtdev_info(m->dev)->id;
}

static uint32_t read_vendor_id(struct virtdev_mmio *m)
{
	(void)m;
	return VENDOR_VALUE;
}

static uint32_t half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(value >> (32 * select));
}

static uint32_t read_device_features(struct virtdev_mmio *m)
{
	return half(virtdev_info(m->dev)->features, m->device_features_sel);
}

static void write_device_features_sel(struct virtdev_mmio *m, uint32_t value)
{
	m->device_features_sel = value;
}

static void write_driver_features_sel(struct virtdev_mmio *m, uint32_t value)
{
	m->driver_features_sel = value;
}

static void write_driver_features(struct virtdev_mmio *m, uint32_t value)
{
	unsigned int shift = 32 * m->driver_features_sel;

	if ((m->status & STATUS_FEATURES_OK) || m->driver_features_sel > 1)
		return;
	m->driver_features &= ~(UINT64_C(0xffffffff) << shift);
	m->driver_features |= (uint64_t)value << shift;
}

static void write_queue_sel(struct virtdev_mmio *m, uint32_t value)
{
	m->queue_sel = value;
}

static uint32_t read_queue_num_max(struct virtdev_mmio *m)
{
	return m->queue_sel < m->nrings ? virtdev_info(m->dev)->queue_max : 0;
}

static void write_queue_num(struct virtdev_mmio *m, uint32_t value)
{
	struct ring *ring = open_ring(m);

	/* A size that cannot work is not taken; the queue stays as it was. */
	if (ring && value && value <= virtdev_info(m->dev)->queue_max &&
	    ((m->driver_features & VQ_F_RING_PACKED) ||
	     !(value & (value - 1))))
		ring->size = value;
}

static uint32_t read_queue_ready(struct virtdev_mmio *m)
{
	return m->queue_sel < m->nrings && m->rings[m->queue_sel].ready;
}

static void write_queue_ready(struct virtdev_mmio *m, uint32_t value)
{
	if (m->queue_sel >= m->nrings || (m->status & STATUS_DRIVER_OK))
		return;
	m->rings[m->queue_sel].ready = value == 1 &&
				       m->rings[m->queue_sel].size;
}

static void write_queue_notify(struct virtdev_mmio *m, uint32_t value)
{
	uint32_t queue = value & 0xffff; /* the rest is NOTIFICATION_DATA */

	if (!(m->driver_features & VQ_F_NOTIFICATION_DATA) && queue != value)
		return;
	if (queue < m->nrings && m->rings[queue].ready &&
	    (m->status & STATUS_DRIVER_OK) && m->ops.notify)
		m->ops.notify(m->opaque, queue);
}

static uint32_t read_interrupt_status(struct virtdev_mmio *m)
{
	return __atomic_load_n(&m->interrupt_status, __ATOMIC_ACQUIRE);
}

static void write_interrupt_ack(struct virtdev_mmio *m, uint32_t value)
{
	if (__atomic_and_fetch(&m->interrupt_status, ~value, __ATOMIC_ACQ_REL)
	    && m->ops.interrupt)
		m->ops.interrupt(m->opaque);	/* set again meanwhile */
}

static uint32_t read_status(struct virtdev_mmio *m)
{
	return m->status;
}

/* All registers as after power-on. */
static void reset(struct virtdev_mmio *m)
{
	if (m->ops.reset)
		m->ops.reset(m->opaque);
	m->driver_features = 0;
	m->device_features_sel = m->driver_features_sel = 0;
	m->queue_sel = m->shm_sel = m->status = 0;
	__atomic_store_n(&m->interrupt_status, 0, __ATOMIC_RELEASE);
	memset(m->rings, 0, m->nrings * sizeof(m->rings[0]));
}

static void set_features_ok(struct virtdev_mmio *m)
{
	if (!virtdev_set_features(m->dev, m->driver_features, NULL))
		m->status |= STATUS_FEATURES_OK;
}

static void set_driver_ok(struct virtdev_mmio *m)
{
	m->status |= STATUS_DRIVER_OK;
	if (m->ops.activate &&
	    m->ops.activate(m->opaque, m->driver_features) < 0)
		virtdev_mmio_needs_reset(m);
}

static void write_status(struct virtdev_mmio *m, uint32_t value)
{
	const uint32_t kept = m->status & ~(uint32_t)STATUS_NEEDS_RESET;
	uint32_t added = value & ~m->status;

	if (!value) {
		reset(m);
		return;
	}
	if ((value & kept) != kept)	/* only a reset takes bits away */
		return;
	m->status |= added & (STATUS_ACKNOWLEDGE | STATUS_DRIVER |
			      STATUS_FAILED);
	if (added & STATUS_FEATURES_OK)
		set_features_ok(m);
	if ((added & STATUS_DRIVER_OK) && (m->status & STATUS_FEATURES_OK))
		set_driver_ok(m);
}

static void write_half(uint64_t *word, unsigned int high, uint32_t value)
{
	const unsigned int shift = 32 * high;

	*word = (*word & ~(UINT64_C(0xffffffff) << shift)) |
		(uint64_t)value << shift;
}

#define AREA_WRITERS(area)						\
static void write_##area##_low(struct virtdev_mmio *m, uint32_t value)	\
{									\
	struct ring *ring = open_ring(m);				\
									\
	if (ring)							\
		write_half(&ring->area, 0, value);			\
}									\
static void write_##area##_high(struct virtdev_mmio *m, uint32_t value)	\
{									\
	struct ring *ring = open_ring(m);				\
									\
	if (ring)							\
		write_half(&ring->area, 1, value);			\
}

AREA_WRITERS(desc)
AREA_WRITERS(driver)
AREA_WRITERS(device)

static void write_shm_sel(struct virtdev_mmio *m, uint32_t value)
{
	m->shm_sel = value;
}

/* A region that does not exist has all-ones for length and base. */
static void shared_region(struct virtdev_mmio *m, uint64_t *base,
			  uint64_t *len)
{
	if (m->ops.shared_region &&
	    m->ops.shared_region(m->opaque, m->shm_sel, base, len))
		return;
	*base = *len = UINT64_MAX;
}

static uint32_t shm_word(struct virtdev_mmio *m, bool want_len, uint32_t high)
{
	uint64_t base, len;

	shared_region(m, &base, &len);
	return half(want_len ? len : base, high);
}

static uint32_t read_shm_len_low(struct virtdev_mmio *m)
{
	return shm_word(m, true, 0);
}

static uint32_t read_shm_len_high(struct virtdev_mmio *m)
{
	return shm_word(m, true, 1);
}

static uint32_t read_shm_base_low(struct virtdev_mmio *m)
{
	return shm_word(m, false, 0);
}

static uint32_t read_shm_base_high(struct virtdev_mmio *m)
{
	return shm_word(m, false, 1);
}

static uint32_t read_generation(struct virtdev_mmio *m)
{
	return m->generation;
}

struct reg {
	uint32_t offset;
	uint32_t (*read)(struct virtdev_mmio *m);	/* NULL: reads 0 */
	void (*write)(struct virtdev_mmio *m, uint32_t value); /* or ignored */
};

/* In order of offset. */
static const struct reg regs[] = {
	{ MAGIC, read_magic, NULL },
	{ LAYOUT_VERSION, read_version, NULL },
	{ DEVICE_ID, read_device_id, NULL },
	{ VENDOR_ID, read_vendor_id, NULL },
	{ DEVICE_FEATURES, read_device_features, NULL },
	{ DEVICE_FEATURES_SEL, NULL, write_device_features_sel },
	{ DRIVER_FEATURES, NULL, write_driver_features },
	{ DRIVER_FEATURES_SEL, NULL, write_driver_features_sel },
	{ QUEUE_SEL, NULL, write_queue_sel },
	{ QUEUE_NUM_MAX, read_queue_num_max, NULL },
	{ QUEUE_NUM, NULL, write_queue_num },
	{ QUEUE_READY, read_queue_ready, write_queue_ready },
	{ QUEUE_NOTIFY, NULL, write_queue_notify },
	{ INTERRUPT_STATUS, read_interrupt_status, NULL },
	{ INTERRUPT_ACK, NULL, write_interrupt_ack },
	{ STATUS, read_status, write_status },
	{ QUEUE_DESC_LOW, NULL, write_desc_low },
	{ QUEUE_DESC_HIGH, NULL, write_desc_high },
	{ QUEUE_DRIVER_LOW, NULL, write_driver_low },
	{ QUEUE_DRIVER_HIGH, NULL, write_driver_high },
	{ QUEUE_DEVICE_LOW, NULL, write_device_low },
	{ QUEUE_DEVICE_HIGH, NULL, write_device_high },
	{ SHM_SEL, NULL, write_shm_sel },
	{ SHM_LEN_LOW, read_shm_len_low, NULL },
	{ SHM_LEN_HIGH, read_shm_len_high, NULL },
	{ SHM_BASE_LOW, read_shm_base_low, NULL },
	{ SHM_BASE_HIGH, read_shm_base_high, NULL },
	{ CONFIG_GENERATION, read_generation, NULL },
};

static const struct reg *find(uint64_t offset, uint32_t len)
{
	unsigned int i;

	if (len != 4)
		return NULL;
	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		if (regs[i].offset == offset)
			return &regs[i];
	return NULL;
}

uint64_t virtdev_mmio_read(struct virtdev_mmio *m, uint64_t offset,
			   uint32_t len)
{
	const struct reg *reg;
	unsigned char bytes[8] = { 0 };
	uint64_t value = 0;
	uint32_t i;

	if (offset < VIRTDEV_MMIO_CONFIG) {
		reg = find(offset, len);
		return reg && reg->read ? reg->read(m) : 0;
	}
	if (offset >= VIRTDEV_MMIO_SIZE || len > sizeof(bytes))
		return 0;
	virtdev_config_read(m->dev, (uint32_t)offset - VIRTDEV_MMIO_CONFIG,
			    bytes, len);
	for (i = len; i > 0; i--)	/* configuration is little-endian */
		value = value << 8 | bytes[i - 1];
	return value;
}

void virtdev_mmio_write(struct virtdev_mmio *m, uint64_t offset, uint32_t len,
			uint64_t value)
{
	const struct reg *reg;
	unsigned char bytes[8];
	uint32_t i;

	if (offset < VIRTDEV_MMIO_CONFIG) {
		reg = find(offset, len);
		if (reg && reg->write)
			reg->write(m, (uint32_t)value);
		return;
	}
	if (offset >= VIRTDEV_MMIO_SIZE || len > sizeof(bytes))
		return;
	for (i = 0; i < len; i++)
		bytes[i] = (unsigned char)(value >> (8 * i));
	virtdev_config_write(m->dev, (uint32_t)offset - VIRTDEV_MMIO_CONFIG,
			     bytes, len);
}

void virtdev_mmio_interrupt(struct virtdev_mmio *m, uint32_t bits)
{
	__atomic_or_fetch(&m->interrupt_status, bits, __ATOMIC_ACQ_REL);
	if (m->ops.interrupt)
		m->ops.interrupt(m->opaque);
}

void virtdev_mmio_config_changed(struct virtdev_mmio *m)
{
	m->generation++;
	if (m->status & STATUS_DRIVER_OK)
		virtdev_mmio_interrupt(m, VIRTDEV_MMIO_INT_CONFIG);
}

void virtdev_mmio_needs_reset(struct virtdev_mmio *m)
{
	m->status |= STATUS_NEEDS_RESET;
	if (m->status & STATUS_DRIVER_OK)
		virtdev_mmio_interrupt(m, VIRTDEV_MMIO_INT_CONFIG);
}

bool virtdev_mmio_queue(const struct virtdev_mmio *m, uint32_t queue,
			struct vq_config *config)
{
	const struct ring *ring;

	if (queue >= m->nrings || !m->rings[queue].ready)
		return false;
	ring = &m->rings[queue];
	memset(config, 0, sizeof(*config));
	config->features = m->driver_features;
	config->size = ring->size;
	config->max_chain = virtdev_info(m->dev)->max_chain;
	config->desc_gpa = ring->desc;
	config->driver_gpa = ring->driver;
	config->device_gpa = ring->device;
	config->base = vq_initial_base(config->features);
	config->index = queue;
	return true;
}

uint32_t virtdev_mmio_status(const struct virtdev_mmio *m)
{
	return m->status;
}
