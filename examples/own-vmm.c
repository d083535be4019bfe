/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A minimal monitor on /dev/kvm: memory, a virtio-mmio disk, a CPU that prints its start. */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <virtio-devices/blk.h>
#include <virtio-devices/inline.h>
#include <virtio-devices/mmio.h>
#include <virtio-queue/driver.h>
#include <vm-memory/access.h>

/* Guest addresses: code, list of stores, the request, the ring; registers of the disk. */
enum { CODE = 0x1000, STORES = 0x2000, HEADER = 0x3000, STATUS = 0x3010, DATA = 0x4000,
       RING = 0x8000, REGISTERS = 0x10000000, PORT_PRINT = 0xe9, PORT_END = 0xf4 };

/* 32 bits; ebx: registers, esi: stores, edi: the used index of the ring. */
static const unsigned char code[] = {
	0xad,				/* next: lodsl			a register */
	0x83, 0xf8, 0xff, 0x74, 0x08,	/* cmp $-1, %eax; je wait	the end of the list? */
	0x89, 0xc1, 0xad,		/* mov %eax, %ecx; lodsl	the value */
	0x89, 0x04, 0x0b, 0xeb, 0xf2,	/* mov %eax, (%ebx,%ecx); jmp next */
	0x66, 0x83, 0x3f, 0, 0x74, 0xfa, /* wait: cmpw $0, (%edi); je wait */
	0xbe, 0x00, 0x40, 0, 0, 0xb9, 0x00, 0x02, 0, 0,	/* mov $DATA, %esi; mov $512, %ecx */
	0xac, 0xe6, PORT_PRINT,		/* print: lodsb; out %al, $PORT_PRINT */
	0xe2, 0xfb, 0xe6, PORT_END,	/* loop print; out %al, $PORT_END */
};

struct vm {
	struct vmem_map *map;
	struct vmem_space *space;
	struct virtdev *disk;
	struct virtdev_mmio *mmio;	/* registers of the disk */
	struct virtdev_inline *server;	/* serves its queue */
	struct vq_driver *driver;
	struct kvm_run *run;
	int cpu;
};

static int make_disk(struct vm *vm, const char *image, struct vsu_error *err)
{
	const struct virtdev_disk_file file = { .size = sizeof(file), .path = image,
		.read_only = true, .engine = VIRTDEV_DISK_ENGINE_SYNC };
	struct virtdev_blk_config blk = { .size = sizeof(blk) };
	struct virtdev_transport *t;
	int rc = virtdev_disk_file_open(&file, &blk.disk, err);

	if (rc < 0 || (rc = virtdev_blk_new(&blk, &vm->disk, err)) < 0 ||
	    (rc = virtdev_transport_new(vm->disk, NULL, NULL, &t, err)) < 0 ||
	    (rc = virtdev_mmio_new(t, &vm->mmio, err)) < 0)
		return rc;
	return virtdev_inline_new(t, vm->space, &vm->server, err);
}

/* A request in a ring, and the stores to registers by which a driver begins. */
static int make_guest(struct vm *vm, struct vsu_error *err)
{
	const struct vq_driver_config ring = { .map = vm->map, .gpa = RING, .size = 16,
		.features = VQ_F_VERSION_1 };
	const struct vq_buffer buffers[] = { { HEADER, 16, 0 }, { DATA, 512, 1 }, { STATUS, 1, 1 } };
	int rc = vq_driver_new(&ring, &vm->driver, err);

	if (rc < 0 || (rc = vq_driver_add(vm->driver, buffers, 3, 0)) < 0)
		return rc;
	vq_driver_publish(vm->driver);	/* the header is zeros: read sector 0 */
	const uint32_t stores[] = { 0x70, 3, 0x24, 1, 0x20, 1, 0x70, 11,	/* features: VERSION_1 */
		0x30, 0, 0x38, 16, 0x80, (uint32_t)vq_driver_desc_gpa(vm->driver),
		0x90, (uint32_t)vq_driver_driver_gpa(vm->driver),
		0xa0, (uint32_t)vq_driver_device_gpa(vm->driver),
		0x44, 1, 0x70, 15, VIRTDEV_MMIO_NOTIFY, 0, UINT32_MAX };

	rc = vmem_write_exact(vmem_map_view(vm->map), STORES, stores, sizeof(stores));
	if (rc < 0)
		return rc;
	return vmem_write_exact(vmem_map_view(vm->map), CODE, code, sizeof(code));
}

static int make_cpu(struct vm *vm, struct vsu_error *err)
{
	struct kvm_userspace_memory_region slot = { .memory_size = 1 << 20,
		.userspace_addr = (uintptr_t)vmem_region_hva(vmem_map_region(vm->map, 0)) };
	struct kvm_segment flat = { .limit = ~0u, .type = 3, .present = 1, .s = 1, .db = 1, .g = 1 };
	struct kvm_regs regs = { .rip = CODE, .rflags = 2, .rbx = REGISTERS, .rsi = STORES,
		.rdi = vq_driver_device_gpa(vm->driver) + 2 };
	int rc, kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), fd = ioctl(kvm, KVM_CREATE_VM, 0);
	struct kvm_sregs sregs;

	if (kvm < 0 || fd < 0)
		return vsu_error_set(err, -ENODEV, "there is no /dev/kvm that this user may open");
	vm->cpu = ioctl(fd, KVM_CREATE_VCPU, 0);
	vm->run = mmap(NULL, (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), PROT_READ | PROT_WRITE,
		       MAP_SHARED, vm->cpu, 0);
	if (vm->run == MAP_FAILED || ioctl(fd, KVM_SET_USER_MEMORY_REGION, &slot) < 0 ||
	    ioctl(vm->cpu, KVM_GET_SREGS, &sregs) < 0)
		return vsu_error_sys(err, -errno, "KVM");
	sregs.ds = sregs.es = sregs.ss = sregs.cs = flat;
	sregs.cs.type = 11;
	sregs.cr0 |= 1;		/* protected mode, without paging */
	rc = ioctl(vm->cpu, KVM_SET_SREGS, &sregs) < 0 || ioctl(vm->cpu, KVM_SET_REGS, &regs) < 0;
	return rc ? vsu_error_sys(err, -errno, "KVM") : 0;
}

/* 1: go on; 0: the guest has ended; otherwise it did what this machine lacks. */
static int handle_exit(struct vm *vm, struct kvm_run *run)
{
	uint32_t value;

	if (run->exit_reason == KVM_EXIT_IO)
		return run->io.port == PORT_PRINT && putchar(((char *)run)[run->io.data_offset]) >= 0;
	if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write || run->mmio.len != 4)
		return -EIO;
	memcpy(&value, run->mmio.data, 4);
	virtdev_mmio_write(vm->mmio, run->mmio.phys_addr - REGISTERS, 4, value);
	virtdev_inline_dispatch(vm->server);
	return 1;
}

int main(int argc, char **argv)
{
	static struct vm vm;	/* the kernel takes back what it has */
	struct vsu_error err = { .msg = "use: own-vmm IMAGE" };
	int rc = 1;

	if (argc != 2 || vmem_map_from_properties("size=1M", 0, NULL, &vm.map, &err) < 0 ||
	    vmem_space_new(&vm.space) < 0 || vmem_space_publish(vm.space, vm.map) < 0 ||
	    make_disk(&vm, argv[1], &err) < 0 || make_guest(&vm, &err) < 0 || make_cpu(&vm, &err) < 0)
		rc = fprintf(stderr, "own-vmm: %s\n", err.msg);
	else
		while (rc > 0 && ioctl(vm.cpu, KVM_RUN, 0) == 0)
			rc = handle_exit(&vm, vm.run);
	return rc != 0;
}
