/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A monitor with a machine and a loop of its own: a CPU, a serial port, a disk on virtio-mmio.
 *	own-vmm disk.img /usr/libexec/c-vmm/selftest.elf
 *	own-vmm disk.img vmlinuz "console=ttyS0 root=/dev/vda" initrd.img
 */
#include <vm-arch/boot.h>
#include <vm-arch/serial.h>
#include <linux/kvm.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/mmio.h>

#define REGISTERS 0xd0000000u
enum { DISK_IRQ = 5, SERIAL_IRQ = 4 };

struct vm {
	struct vmem_map *map;
	struct vmem_space *space;
	struct virtdev_mmio *mmio;	/* registers of the disk */
	struct virtdev_server *server;	/* serves its queue */
	pthread_mutex_t lock;		/* of the serial port, which a thread feeds */
	pthread_cond_t read;		/* the guest has read from it */
	struct varch_serial *serial;
	int serial_irq;			/* eventfd of its interrupt */
	struct varch_kvm *kvm;
	struct varch_kvm_cpu cpu;
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

static void on_output(void *opaque, unsigned char byte)
{
	(void)opaque;
	putchar(byte);
}

static void on_interrupt(void *vm)
{
	eventfd_write(((struct vm *)vm)->serial_irq, 1);
}

static int make_cpu(struct vm *vm, char **argv, struct vsu_error *err)
{
	const struct varch_kernel_device disk = { REGISTERS, VIRTDEV_MMIO_SIZE, DISK_IRQ };
	const struct varch_kernel_config config = { .size = sizeof(config), .kernel = argv[2],
		.cmdline = argv[3], .initrd = argv[3] ? argv[4] : NULL, .devices = &disk, .ndevices = 1 };
	const struct varch_serial_config serial = { .size = sizeof(serial), .opaque = vm,
		.output = on_output, .interrupt = on_interrupt };
	struct varch_kernel *kernel;
	int rc = varch_kernel_load(vm->map, &config, &kernel, err);

	vm->serial_irq = eventfd(0, EFD_CLOEXEC);
	if (rc < 0 || (rc = varch_serial_new(&serial, &vm->serial, err)) < 0 ||
	    (rc = varch_kvm_new(NULL, &vm->kvm, err)) < 0 ||
	    (rc = varch_kvm_set_memory(vm->kvm, vm->map, err)) < 0 ||
	    (rc = varch_kvm_add_irqfd(vm->kvm, virtdev_mmio_irq_fd(vm->mmio), DISK_IRQ, err)) < 0 ||
	    (rc = varch_kvm_add_irqfd(vm->kvm, vm->serial_irq, SERIAL_IRQ, err)) < 0 ||
	    (rc = varch_kvm_add_cpu(vm->kvm, 0, &vm->cpu, err)) < 0)
		return rc;
	rc = varch_kernel_enter(kernel, vm->kvm, &vm->cpu, 0, err);
	varch_kernel_free(kernel);
	return rc;
}

/* Unknown ports read as ones, as where nothing is. 0: the guest has ended. */
static int handle_port(struct vm *vm, struct kvm_run *run)
{
	const uint32_t port = run->io.port - VARCH_SERIAL_COM1;
	uint8_t *byte = (uint8_t *)run + run->io.data_offset;
	const int reads = run->io.direction == KVM_EXIT_IO_IN;

	pthread_mutex_lock(&vm->lock);
	if (reads) {
		memset(byte, 0xff, run->io.size * run->io.count);
		*byte = varch_serial_read(vm->serial, port);
	} else {
		varch_serial_write(vm->serial, port, *byte);
	}
	pthread_cond_signal(&vm->read);
	pthread_mutex_unlock(&vm->lock);
	return reads || (run->io.port != VARCH_PORT_END && run->io.port != VARCH_PORT_SLEEP &&
			 run->io.port != VARCH_PORT_RESTART);
}

static int handle_exit(struct vm *vm, struct kvm_run *run)
{
	const uint64_t offset = run->mmio.phys_addr - REGISTERS;
	uint64_t value = UINT64_MAX;

	if (run->exit_reason == KVM_EXIT_IO)
		return handle_port(vm, run);
	if (run->exit_reason != KVM_EXIT_MMIO)
		return -1;
	if (run->mmio.is_write && offset < VIRTDEV_MMIO_SIZE) {
		memcpy(&value, run->mmio.data, run->mmio.len);
		virtdev_mmio_write(vm->mmio, offset, run->mmio.len, value);
		virtdev_server_dispatch(vm->server);
	} else if (!run->mmio.is_write) {
		value = offset < VIRTDEV_MMIO_SIZE ? virtdev_mmio_read(vm->mmio, offset, run->mmio.len) : value;
		memcpy(run->mmio.data, &value, run->mmio.len);
	}
	return 1;
}

/* Standard input is the guest's. */
static void *feed(void *opaque)
{
	struct vm *vm = opaque;
	unsigned char bytes[64];
	size_t at;
	ssize_t n;

	while ((n = read(STDIN_FILENO, bytes, sizeof(bytes))) > 0) {
		pthread_mutex_lock(&vm->lock);
		for (at = 0; at < (size_t)n;) {
			at += varch_serial_input(vm->serial, bytes + at, (size_t)n - at);
			if (at < (size_t)n)
				pthread_cond_wait(&vm->read, &vm->lock);
		}
		pthread_mutex_unlock(&vm->lock);
	}
	return NULL;
}

static int run(struct vm *vm)
{
	pthread_t feeder;
	int rc = 1;

	if (pthread_create(&feeder, NULL, feed, vm))
		return -fprintf(stderr, "own-vmm: cannot start a thread\n");
	while (rc > 0 && ioctl(vm->cpu.fd, KVM_RUN, 0) == 0)
		rc = handle_exit(vm, vm->cpu.run);
	pthread_cancel(feeder);
	pthread_join(feeder, NULL);
	return rc;
}

int main(int argc, char **argv)
{
	/* the process's end releases the disk and memory */
	static struct vm vm = { .lock = PTHREAD_MUTEX_INITIALIZER, .read = PTHREAD_COND_INITIALIZER };
	struct vsu_error err = { .msg = "use: own-vmm IMAGE KERNEL [COMMAND-LINE [INITRD]]" };
	int rc;

	if (argc < 3 || vmem_map_from_properties("size=256M", 0, NULL, &vm.map, &err) < 0 ||
	    vmem_space_new(&vm.space) < 0 || vmem_space_publish(vm.space, vm.map) < 0 ||
	    make_disk(&vm, argv[1], &err) < 0 || make_cpu(&vm, argv, &err) < 0)
		rc = -fprintf(stderr, "own-vmm: %s\n", err.msg);
	else
		rc = run(&vm);
	varch_kvm_remove_cpu(&vm.cpu);
	varch_kvm_free(vm.kvm);
	varch_serial_free(vm.serial);
	return rc != 0;
}
