/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Plays the guest and the user of a machine with hot plug. */
#include <config.h>

#include <poll.h>
#include <pthread.h>

#include <virtio-devices/pci.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/exit.h>

#include "kernels.h"
#include "plug_rig.h"

/* ------------------------------------------------------------ the guest's acts */

/* An access for CPU 0: the test's script runs on its own thread. */
static struct {
	const struct varch_bus *bus;
	uint64_t at;
	struct varch_access access;
	int wanted, made;	/* eventfds, so that neither side polls */
} act;

static pthread_t teller;
static void (*story)(void);
static bool is_over;		/* atomic: the script has ended */

static void *tell(void *arg)
{
	(void)arg;
	story();
	__atomic_store_n(&is_over, true, __ATOMIC_RELEASE);
	vsu_event_signal_own(act.wanted);
	return NULL;
}

/*
 * Uses read(), which ThreadSanitizer recognizes as ordering two threads,
 * unlike the system call of vsu_event_drain().
 */
static void take(int fd)
{
	uint64_t count;

	ck_assert_int_eq(read(fd, &count, sizeof(count)), sizeof(count));
}

/* Ends like KVM_RUN when another thread requests the CPU's attention. */
int obedient(unsigned int cpu, unsigned int n, struct kvm_run *run)
{
	struct pollfd wanted = { .fd = act.wanted, .events = POLLIN };

	if (cpu)
		return FAKE_COMPUTES;
	if (!n)
		ck_assert_int_eq(pthread_create(&teller, NULL, tell, NULL), 0);
	while (poll(&wanted, 1, 1) != 1)
		if (__atomic_load_n(&run->immediate_exit, __ATOMIC_RELAXED))
			return -EINTR;
	if (__atomic_load_n(&is_over, __ATOMIC_ACQUIRE))
		return fake_power_off(run);
	take(act.wanted);
	varch_bus_access(act.bus, act.at, &act.access);
	vsu_event_signal_own(act.made);
	return fake_in(run, VARCH_PORT_SLEEP_STATUS);
}

uint32_t access_of(const struct varch_bus *bus, uint64_t at, uint32_t len, bool write,
			  uint32_t value)
{
	const struct varch_access access = { .len = len, .write = write, .value = value };
	struct pollfd made = { .fd = act.made, .events = POLLIN };

	act.bus = bus;
	act.at = at;
	act.access = access;
	vsu_event_signal_own(act.wanted);
	ck_assert_int_eq(poll(&made, 1, -1), 1);
	take(act.made);
	return (uint32_t)act.access.value;
}

uint32_t port_in(uint16_t port)
{
	return access_of(&rig.machine.ports, port, 4, false, 0);
}

void port_out(uint16_t port, uint32_t value)
{
	access_of(&rig.machine.ports, port, 4, true, value);
}

uint32_t config_in(unsigned int slot, uint32_t at)
{
	return access_of(&rig.machine.mmio, VARCH_PCI_ECAM_GPA + slot * 0x8000 + at, 4, false, 0);
}

void common_out(unsigned int slot, uint32_t at, uint32_t len, uint32_t value)
{
	access_of(&rig.machine.mmio, VARCH_PCI_ECAM_GPA + slot * 0x8000 + COMMAND, 2, true, 6);
	access_of(&rig.machine.mmio,
		  VARCH_PCI_WINDOW_GPA + (slot - 1) * (uint64_t)VIRTDEV_PCI_BAR0_SIZE + at, len, true,
		  value);
}

void status_out(unsigned int slot, uint8_t value)
{
	common_out(slot, STATUS, 1, value);
}

struct store {
	uint32_t at, len, value;
};

static void store_all(unsigned int slot, const struct store *stores, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		common_out(slot, stores[i].at, stores[i].len, stores[i].value);
}

/* VIRTIO 1.3, 4.1.4.3: features; sizes, addresses and readiness of queues. */
void drive(unsigned int slot, unsigned int nqueues)
{
	static const struct store features[] = {
		{ STATUS, 1, 1 }, { STATUS, 1, 3 }, { 0x08, 4, 1 }, { 0x0c, 4, 1 },
		{ STATUS, 1, 11 },
	};
	unsigned int i;

	store_all(slot, features, COUNT(features));
	for (i = 0; i < nqueues; i++) {
		const struct store queue[] = {
			{ 0x16, 2, i }, { 0x18, 2, 16 }, { 0x20, 4, 0x200000 + i * 0x4000 },
			{ 0x28, 4, 0x201000 + i * 0x4000 },
			{ 0x30, 4, 0x202000 + i * 0x4000 }, { 0x1c, 2, 1 },
		};

		store_all(slot, queue, COUNT(queue));
	}
	status_out(slot, 15);
}

void assert_given(unsigned int slot)
{
	ck_assert_uint_eq(port_in(GOES), 1u << slot);
	port_out(EJECT, 1u << slot);
	ck_assert_uint_eq(config_in(slot, 0), ABSENT);
}

/* ----------------------------------------------------------------- a machine */

void machine_run_to(int status, const char *const *words, void (*what)(void))
{
	static const char sectors[65536];

	kernel_pvh();
	rig_file("disk", sectors, sizeof(sectors));
	if (!fake.guest)
		fake.guest = obedient;
	fake.has_msi = true;
	act.wanted = vsu_event_new();
	act.made = vsu_event_new();
	story = what;
	rig.user = &usual_user;
	rig_options(words);
	rig_run();
	ck_assert_msg(rig.status == status, "%d: %s", rig.status, rig.err.msg);
	ck_assert_int_eq(pthread_join(teller, NULL), 0);
	close(act.wanted);
	close(act.made);
	/* for another machine of the same test */
	user_leaves();
	is_over = false;
}

void machine_run_words(const char *const *words, void (*what)(void))
{
	machine_run_to(VSU_EXIT_OK, words, what);
}

void machine_run(const char *transport, const char *memory, void (*what)(void))
{
	const char *const words[] = { "kernel", memory, "--serial=null", "--cpus=2", transport, NULL };

	machine_run_words(words, what);
}
