/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Registers of virtio-mmio (VIRTIO 1.3, section 4.2.2), as a table. */
#include <config.h>

#include <errno.h>
#include <stdlib.h>

#include <virtio-devices/mmio.h>
#include <virtio-devices/state.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

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
	SHM_BASE_LOW = 0x0b8, SHM_BASE_HIGH = 0x0bc, QUEUE_RESET = 0x0c0,
	CONFIG_GENERATION = 0x0fc,
};

#define MAGIC_VALUE 0x74726976	/* "virt" */
#define VENDOR_VALUE 0x4d4d5643	/* "CVMM" */

struct virtdev_mmio {
	struct virtdev_transport *t;
	uint32_t device_features_sel, driver_features_sel;
	uint32_t queue_sel, shm_sel;
	uint32_t interrupt_status; /* atomic */
	int irq_fd;
};

/* One interrupt line for all sources; InterruptStatus distinguishes them. */
static void on_interrupt(void *registers, uint32_t source)
{
	struct virtdev_mmio *m = registers;

	__atomic_or_fetch(&m->interrupt_status,
			  source == VIRTDEV_INTERRUPT_CONFIG ?
			  VIRTDEV_MMIO_INT_CONFIG : VIRTDEV_MMIO_INT_USED,
			  __ATOMIC_ACQ_REL);
	vsu_event_signal_own(m->irq_fd);
}

static void on_reset(void *registers)
{
	struct virtdev_mmio *m = registers;

	m->device_features_sel = m->driver_features_sel = 0;
	m->queue_sel = m->shm_sel = 0;
	__atomic_store_n(&m->interrupt_status, 0, __ATOMIC_RELEASE);
}

static void on_save(void *registers, struct virtdev_state_writer *w)
{
	const struct virtdev_mmio *m = registers;

	virtdev_state_put_u32(w, MAGIC_VALUE);
	virtdev_state_put_u32(w, m->device_features_sel);
	virtdev_state_put_u32(w, m->driver_features_sel);
	virtdev_state_put_u32(w, m->queue_sel);
	virtdev_state_put_u32(w, m->shm_sel);
	virtdev_state_put_u32(w, __atomic_load_n(&m->interrupt_status,
						 __ATOMIC_ACQUIRE));
}

/* Raises the interrupt line again if it was high. */
static int on_load(void *registers, struct virtdev_state_reader *r,
		   struct vsu_error *err)
{
	struct virtdev_mmio *m = registers, read = *m;
	const uint32_t magic = virtdev_state_get_u32(r);
	int rc;

	read.device_features_sel = virtdev_state_get_u32(r);
	read.driver_features_sel = virtdev_state_get_u32(r);
	read.queue_sel = virtdev_state_get_u32(r);
	read.shm_sel = virtdev_state_get_u32(r);
	read.interrupt_status = virtdev_state_get_u32(r);
	rc = virtdev_state_end(r, err);
	if (!rc && (magic != MAGIC_VALUE || read.interrupt_status >
		    (VIRTDEV_MMIO_INT_USED | VIRTDEV_MMIO_INT_CONFIG)))
		rc = vsu_error_set(err, -EBADMSG,
				   "this is not the state of virtio-mmio");
	if (rc < 0)
		return rc;
	*m = read;
	if (read.interrupt_status)
		vsu_event_signal_own(m->irq_fd);
	return 0;
}

static const struct virtdev_register_ops register_ops = {
	.size = sizeof(register_ops),
	.features = VQ_F_NOTIFICATION_DATA | VQ_F_RING_RESET,
	.interrupt = on_interrupt, .reset = on_reset,
	.state_save = on_save, .state_load = on_load,
};

int virtdev_mmio_new(struct virtdev_transport *t, struct virtdev_mmio **out,
		     struct vsu_error *err)
{
	struct virtdev_mmio *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return vsu_error_sys(err, -ENOMEM, "virtio-mmio");
	m->t = t;
	m->irq_fd = rc = vsu_event_new();
	if (rc < 0)
		vsu_error_sys(err, rc, "virtio-mmio: interrupt");
	else
		rc = virtdev_transport_set_registers(t, &register_ops, m, err);
	if (rc < 0) {
		vsu_fd_close(&m->irq_fd);
		free(m);
		return rc;
	}
	*out = m;
	return 0;
}

void virtdev_mmio_free(struct virtdev_mmio *m)
{
	if (!m)
		return;
	(void)!virtdev_transport_set_registers(m->t, NULL, NULL, NULL);
	vsu_fd_close(&m->irq_fd);
	free(m);
}

int virtdev_mmio_irq_fd(const struct virtdev_mmio *m)
{
	return m->irq_fd;
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
	return virtdev_get_info(virtdev_transport_device(m->t))->id;
}

static uint32_t read_vendor_id(struct virtdev_mmio *m)
{
	(void)m;
	return VENDOR_VALUE;
}

static uint32_t word_half(uint64_t value, uint32_t select)
{
	return select > 1 ? 0 : (uint32_t)(value >> (32 * select));
}

static uint32_t read_device_features(struct virtdev_mmio *m)
{
	return word_half(virtdev_transport_offered(m->t), m->device_features_sel);
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
	virtdev_transport_set_features(m->t, m->driver_features_sel, value);
}

static void write_queue_sel(struct virtdev_mmio *m, uint32_t value)
{
	m->queue_sel = value;
}

static uint32_t read_queue_num_max(struct virtdev_mmio *m)
{
	return virtdev_transport_queue_size_max(m->t, m->queue_sel);
}

static void write_queue_num(struct virtdev_mmio *m, uint32_t value)
{
	virtdev_transport_set_queue_size(m->t, m->queue_sel, value);
}

static uint32_t read_queue_ready(struct virtdev_mmio *m)
{
	return virtdev_transport_queue_ready(m->t, m->queue_sel);
}

static void write_queue_ready(struct virtdev_mmio *m, uint32_t value)
{
	virtdev_transport_set_queue_ready(m->t, m->queue_sel, value == 1);
}

static uint32_t read_queue_reset(struct virtdev_mmio *m)
{
	return virtdev_transport_queue_resets(m->t, m->queue_sel);
}

static void write_queue_reset(struct virtdev_mmio *m, uint32_t value)
{
	if (value == 1)
		virtdev_transport_reset_queue(m->t, m->queue_sel);
}

static void write_queue_notify(struct virtdev_mmio *m, uint32_t value)
{
	virtdev_transport_notify(m->t, value);
}

static uint32_t read_interrupt_status(struct virtdev_mmio *m)
{
	return __atomic_load_n(&m->interrupt_status, __ATOMIC_ACQUIRE);
}

/* Raises the line again for bits that were set meanwhile. */
static void write_interrupt_ack(struct virtdev_mmio *m, uint32_t value)
{
	if (__atomic_and_fetch(&m->interrupt_status, ~value, __ATOMIC_ACQ_REL))
		vsu_event_signal_own(m->irq_fd);
}

static uint32_t read_status(struct virtdev_mmio *m)
{
	return virtdev_transport_status(m->t);
}

static void write_status(struct virtdev_mmio *m, uint32_t value)
{
	virtdev_transport_set_status(m->t, value);
}

#define AREA_WRITERS(name, area)					\
static void write_##name##_low(struct virtdev_mmio *m, uint32_t value)	\
{									\
	virtdev_transport_set_queue_area(m->t, m->queue_sel, area, 0,	\
					 value);			\
}									\
static void write_##name##_high(struct virtdev_mmio *m, uint32_t value)	\
{									\
	virtdev_transport_set_queue_area(m->t, m->queue_sel, area, 1,	\
					 value);			\
}

AREA_WRITERS(desc, VIRTDEV_QUEUE_DESC)
AREA_WRITERS(driver, VIRTDEV_QUEUE_DRIVER)
AREA_WRITERS(device, VIRTDEV_QUEUE_DEVICE)

static void write_shm_sel(struct virtdev_mmio *m, uint32_t value)
{
	m->shm_sel = value;
}

static uint64_t read_shm(struct virtdev_mmio *m, bool want_base)
{
	uint64_t base, len;

	virtdev_transport_shared_region(m->t, m->shm_sel, &base, &len);
	return want_base ? base : len;
}

static uint32_t read_shm_len_low(struct virtdev_mmio *m)
{
	return word_half(read_shm(m, false), 0);
}

static uint32_t read_shm_len_high(struct virtdev_mmio *m)
{
	return word_half(read_shm(m, false), 1);
}

static uint32_t read_shm_base_low(struct virtdev_mmio *m)
{
	return word_half(read_shm(m, true), 0);
}

static uint32_t read_shm_base_high(struct virtdev_mmio *m)
{
	return word_half(read_shm(m, true), 1);
}

static uint32_t read_generation(struct virtdev_mmio *m)
{
	return virtdev_transport_generation(m->t);
}

struct reg {
	uint32_t offset;
	uint32_t (*read)(struct virtdev_mmio *m);	/* NULL: reads as 0 */
	void (*write)(struct virtdev_mmio *m, uint32_t value); /* NULL: ignored */
};

/* Sorted by offset. */
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
	{ QUEUE_RESET, read_queue_reset, write_queue_reset },
	{ CONFIG_GENERATION, read_generation, NULL },
};

static const struct reg *reg_find(uint64_t offset, uint32_t len)
{
	unsigned int i;

	if (len != 4)
		return NULL;
	for (i = 0; i < sizeof(regs) / sizeof(regs[0]); i++)
		if (regs[i].offset == offset)
			return &regs[i];
	return NULL;
}

enum virtdev_access virtdev_mmio_class(uint64_t offset, uint32_t len,
				       bool write)
{
	if (len == 4 && (offset == INTERRUPT_STATUS || offset == INTERRUPT_ACK))
		return VIRTDEV_ACCESS_ANY;
	return write && len == 4 && (offset == STATUS ||
				     offset == QUEUE_READY ||
				     offset == QUEUE_RESET) ?
	       VIRTDEV_ACCESS_CONTROL : VIRTDEV_ACCESS_PLAIN;
}

uint64_t virtdev_mmio_read(struct virtdev_mmio *m, uint64_t offset,
			   uint32_t len)
{
	const struct reg *reg;

	if (offset < VIRTDEV_MMIO_CONFIG) {
		reg = reg_find(offset, len);
		return reg && reg->read ? reg->read(m) : 0;
	}
	if (offset >= VIRTDEV_MMIO_SIZE)
		return 0;
	return virtdev_transport_config_read(m->t, (uint32_t)offset -
					     VIRTDEV_MMIO_CONFIG, len);
}

void virtdev_mmio_write(struct virtdev_mmio *m, uint64_t offset, uint32_t len,
			uint64_t value)
{
	const struct reg *reg;

	if (offset < VIRTDEV_MMIO_CONFIG) {
		reg = reg_find(offset, len);
		if (reg && reg->write)
			reg->write(m, (uint32_t)value);
	} else if (offset < VIRTDEV_MMIO_SIZE) {
		virtdev_transport_config_write(m->t, (uint32_t)offset -
					       VIRTDEV_MMIO_CONFIG, len, value);
	}
}
