/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A monitor with a machine and a loop of its own: a CPU, a serial port, a disk on virtio-mmio.
 *	own-vmm disk.img /usr/libexec/c-vmm/selftest.elf
 *	own-vmm disk.img vmlinuz "console=ttyS0 root=/dev/vda" initrd.img
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/mmio.h>
#include <vm-arch/arch.h>
#include <vm-arch/cpu_choice.h>
#include <vm-arch/cpus.h>
#include <vm-arch/file.h>
#include <vm-arch/layout.h>
#include <vm-arch/load.h>
#include <vm-arch/serial.h>
#include <vm-arch/slots.h>
#include <vmm-sys-util/event.h>

#define MEMORY_GPA (VARCH_HOLE_FIRST > 0 ? 0 : VARCH_HOLE_END)
enum { DISK_IRQ = VARCH_FIRST_DEVICE_IRQ };

struct vm {
	struct vmem_map *map;
	struct vmem_space *space;
	struct virtdev_mmio *mmio;	/* registers of the disk */
	struct virtdev_server *server;	/* serves its queue */
	struct varch_vm kvm;
	struct varch_slots *slots;
	struct varch_bus memory, ports;
	struct varch_power power;
	struct varch_cpus *cpus;
	pthread_mutex_t lock;		/* of the serial port */
	struct varch_serial serial;
	int serial_irq;			/* eventfd of its interrupt */
	int room;			/* eventfd: the guest has read from a full port */
};

static int make_disk(struct vm *vm, const char *image, struct vsu_error *err)
{
	const struct virtdev_disk_file file = { .size = sizeof(file), .path = image,
		.read_only = true, .engine = VIRTDEV_DISK_ENGINE_SYNC };
	struct virtdev_blk_config blk = { .size = sizeof(blk) };
	struct virtdev_transport *t;
	struct virtdev *disk;
	int rc = virtdev_disk_file_open(&file, &blk.disk, err);

	if (rc < 0 || (rc = virtdev_blk_new(&blk, &disk, err)) < 0 ||
	    (rc = virtdev_transport_new(disk, NULL, NULL, &t, err)) < 0 ||
	    (rc = virtdev_mmio_new(t, &vm->mmio, err)) < 0)
		return rc;
	return virtdev_inline_new(t, vm->space, NULL, NULL, &vm->server, err);
}

/* ------------------------------------------------------ registers, on the thread of the CPU */

static void on_disk(void *opaque, struct varch_access *a)
{
	struct vm *vm = opaque;

	if (!a->write) {
		a->value = virtdev_mmio_read(vm->mmio, a->offset, a->len);
		return;
	}
	virtdev_mmio_write(vm->mmio, a->offset, a->len, a->value);
	virtdev_server_dispatch(vm->server);
}

static void on_serial(void *opaque, struct varch_access *a)
{
	struct vm *vm = opaque;
	size_t before;

	pthread_mutex_lock(&vm->lock);
	before = varch_serial_room(&vm->serial);
	varch_serial_access(&vm->serial, a);
	if (!before && varch_serial_room(&vm->serial))
		vsu_event_signal(vm->room);
	pthread_mutex_unlock(&vm->lock);
}

static void on_output(void *opaque, unsigned char byte)
{
	(void)opaque;
	putchar(byte);
}

static void on_interrupt(void *opaque)
{
	vsu_event_signal(((struct vm *)opaque)->serial_irq);
}

static void on_status(void *opaque, uint8_t status)
{
	varch_cpus_end(((struct vm *)opaque)->cpus, status, "the guest ended with status %u", status);
}

/* The guest powers off, or asks for a reset. */
static void on_end(void *opaque)
{
	on_status(opaque, 0);
}

static void on_panic(void *opaque)
{
	on_status(opaque, 1);
}

static int add_registers(struct vm *vm, struct vsu_error *err)
{
	struct varch_bus *machine = VARCH_HAS_PORTS ? &vm->ports : &vm->memory;
	const struct varch_range disk = { VARCH_TRANSPORTS_GPA, VIRTDEV_MMIO_SIZE, "disk", on_disk, vm };
	const struct varch_range serial = { VARCH_SERIAL_AT, VARCH_SERIAL_LEN, "serial port", on_serial, vm };
	int rc;

	vm->serial = (struct varch_serial){ .output = on_output, .interrupt = on_interrupt, .opaque = vm };
	varch_serial_init(&vm->serial);
	vm->power = (struct varch_power){ .power = on_status, .reset = on_end, .power_off = on_end,
		.panic = on_panic, .opaque = vm, .button_irq_fd = -1, .clock_irq_fd = -1 };
	if ((rc = varch_bus_add(&vm->memory, &disk, err)) < 0 ||
	    (rc = varch_bus_add(machine, &serial, err)) < 0)
		return rc;
	return varch_power_add(&vm->power, machine, err);
}

/* -------------------------------------------------------------------------- the machine */

static int make_vm(struct vm *vm, struct vsu_error *err)
{
	const struct varch_cpus_config cpus = { .kvm = &vm->kvm, .n = 1,
		.hooks = { .memory = &vm->memory, .ports = &vm->ports, .opaque = vm } };
	int rc;

	vm->serial_irq = vsu_event_new();
	vm->room = vsu_event_new();
	if ((rc = varch_vm_open(&vm->kvm, NULL, err)) < 0 ||
	    (rc = varch_slots_new(&vm->kvm, &vm->slots)) < 0 ||
	    (rc = varch_slots_apply(vm->slots, vm->map, err)) < 0 ||
	    (rc = varch_cpus_new(&cpus, &vm->cpus, err)) < 0 ||
	    (rc = varch_vm_irqfd(&vm->kvm, virtdev_mmio_irq_fd(vm->mmio), DISK_IRQ, true, err)) < 0)
		return rc;
	return varch_vm_irqfd(&vm->kvm, vm->serial_irq, VARCH_SERIAL_IRQ, true, err);
}

static int load_kernel(struct vm *vm, char **argv, struct vsu_error *err)
{
	const struct varch_board_device disk = { VARCH_TRANSPORTS_GPA, VIRTDEV_MMIO_SIZE, DISK_IRQ };
	const struct varch_board board = { .kvm = &vm->kvm, .ncpus = 1, .ndevices = 1, .devices = &disk,
		.generation_gpa = VARCH_GENERATION_GPA };
	const struct varch_cpu_choice host = { .model = VARCH_CPU_HOST };
	struct varch_file kernel, initrd = { .size = 0 };
	const struct varch_load load = { .map = vm->map, .kernel = &kernel, .initrd = &initrd,
		.cmdline = argv[3] ? argv[3] : "", .board = &board };
	struct varch_loaded loaded;
	int rc = varch_file_open(&kernel, "kernel", argv[2], err);

	if (!rc && argv[3] && argv[4])
		rc = varch_file_open(&initrd, "initrd", argv[4], err);
	if (!rc)
		rc = varch_load_kernel(&kernel, vm->map, &loaded, err);
	if (!rc)
		rc = varch_load_hand_over(&load, &loaded, err);
	if (!rc)
		rc = varch_load_cpu(&loaded, &vm->kvm, vm->cpus->cpu[0].fd, 0, 1, &host, err);
	varch_file_close(&initrd);
	varch_file_close(&kernel);
	return rc;
}

/* ----------------------------------------------------------------------------- the loop */

/* Standard input is the guest's, as far as the port has room. False: there is no more. */
static bool feed(struct vm *vm)
{
	unsigned char bytes[VARCH_SERIAL_FIFO];
	ssize_t n = 1;
	size_t room;

	pthread_mutex_lock(&vm->lock);
	room = varch_serial_room(&vm->serial);
	if (room)
		n = read(STDIN_FILENO, bytes, room);
	if (room && n > 0)
		varch_serial_input(&vm->serial, bytes, (size_t)n);
	pthread_mutex_unlock(&vm->lock);
	return n > 0;
}

static bool has_room(struct vm *vm)
{
	bool has;

	pthread_mutex_lock(&vm->lock);
	has = varch_serial_room(&vm->serial) > 0;
	pthread_mutex_unlock(&vm->lock);
	return has;
}

static int run(struct vm *vm, struct vsu_error *err)
{
	struct pollfd p[] = { { vm->cpus->event_fd, POLLIN, 0 }, { vm->room, POLLIN, 0 },
		{ vm->power.alarm_fd, POLLIN, 0 }, { STDIN_FILENO, POLLIN, 0 } };
	bool more = true;
	int status = varch_cpus_start(vm->cpus, err);

	while (!status && !varch_cpus_dispatch(vm->cpus)) {
		p[3].fd = more && has_room(vm) ? STDIN_FILENO : -1;
		if (poll(p, sizeof(p) / sizeof(p[0]), -1) < 0)
			break;
		vsu_event_drain(vm->room, NULL);
		if (p[2].revents)
			varch_power_note(&vm->power, VARCH_POWER_ALARM);
		if (p[3].fd >= 0 && p[3].revents)
			more = feed(vm);
	}
	varch_cpus_stop(vm->cpus, &status, err);
	return status;
}

int main(int argc, char **argv)
{
	/* the process's end releases the disk and memory */
	static struct vm vm = { .lock = PTHREAD_MUTEX_INITIALIZER, .kvm = { .kvm_fd = -1, .vm_fd = -1 } };
	struct vsu_error err = { .msg = "use: own-vmm IMAGE KERNEL [COMMAND-LINE [INITRD]]" };
	int status = -1;

	if (argc >= 3 && !vmem_map_from_properties("size=256M", MEMORY_GPA, NULL, &vm.map, &err) &&
	    !vmem_space_new(&vm.space) && !vmem_space_publish(vm.space, vm.map) &&
	    !make_disk(&vm, argv[1], &err) && !make_vm(&vm, &err) && !add_registers(&vm, &err) &&
	    !load_kernel(&vm, argv, &err))
		status = run(&vm, &err);
	if (status)
		fprintf(stderr, "own-vmm: %s\n", err.msg);
	varch_cpus_free(vm.cpus);
	varch_power_free(&vm.power);
	varch_slots_free(vm.slots);
	varch_vm_close(&vm.kvm);
	return status != 0;
}
