/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * builtin:selftest: looks at its memory, finds its virtio devices, drives
 * every disk through all its queues, takes entropy, shows shared memory
 * regions, and powers off; the machine's exit status says whether all was well.
 *
 * Words on the command line: "interactive" does not power off but takes
 * commands from the console, a letter each: s shows shared memory again, d
 * drives the disks again, u writes to them without a flush, m tests the memory again,
 * w writes it until the next letter, b inflates and deflates the balloon, n finds new
 * devices, e echoes bytes, q ends. "edges": w writes only the ends of each region.
 */
#include "lib.h"
#include "selftest.h"

#define ID_BLOCK 2
#define ID_ENTROPY 4
#define ID_BALLOON 5

static struct device devices[CVMM_BOOT_MAX_DEVICES];
static unsigned int ndevices;
static uint32_t seen;		/* slots of the bus */

/* On the bus, i is the slot. */
static bool find_device(const struct cvmm_boot *boot, unsigned int i,
			struct device *dev)
{
	if (boot->flags & CVMM_BOOT_PCI)
		return device_find_pci(dev, i);
	if (i < boot->ndevices && device_find(dev, boot->devices[i].gpa))
		return true;
	if (i < boot->ndevices)
		print("no device at 0x%lx\n", boot->devices[i].gpa);
	return false;
}

static void start_device(const struct cvmm_boot *boot, unsigned int i)
{
	struct device *dev = &devices[ndevices];

	if ((seen >> i & 1) || ndevices == CVMM_BOOT_MAX_DEVICES ||
	    !find_device(boot, i, dev))
		return;
	seen |= UINT32_C(1) << i;
	ndevices++;
	if (dev->id == ID_BLOCK)
		return;		/* the test starts this CPU itself */
	if (!device_negotiate(dev, FEATURE_VERSION_1) || !device_start(dev))
		fault("a device that does not start");
	print("device %u: id %u, %u queues\n", i, dev->id, dev->nqueues);
	if (dev->id == ID_ENTROPY)
		test_entropy(dev, i);
}

static void start_devices(const struct cvmm_boot *boot)
{
	unsigned int i;

	for (i = 0; i < CVMM_BOOT_MAX_DEVICES; i++)
		start_device(boot, i);
}

static void each_disk(void (*act)(struct device *dev, unsigned int number))
{
	unsigned int i;

	for (i = 0; i < ndevices; i++)
		if (devices[i].id == ID_BLOCK)
			act(&devices[i], i);
}

static void use_balloon(const struct cvmm_boot *boot)
{
	unsigned int i;

	for (i = 0; i < ndevices; i++)
		if (devices[i].id == ID_BALLOON)
			test_balloon(&devices[i], boot);
}

/* Regions of devices on the bus are not read. */
static void show_all_shared(void)
{
	unsigned int i;

	for (i = 0; i < ndevices; i++)
		if (!devices[i].space)
			show_shared(&devices[i], i);
}

/* The sum of the bytes shows that the whole initrd was loaded. */
static void show_initrd(const struct cvmm_boot *boot)
{
	const unsigned char *at = (const unsigned char *)boot->initrd_gpa;
	uint64_t i, sum = 0;

	if (!boot->initrd_len)
		return;
	for (i = 0; i < boot->initrd_len; i++)
		sum += at[i];
	print("initrd: %lu bytes, sum %lu\n", boot->initrd_len, sum);
}

#define LOOKS 200	/* polls until the input is complete */

/*
 * Reads the next command. Equal commands that arrive faster than they are
 * executed (a key is held down) are executed once. *ahead is a byte that was
 * read too early, or -1.
 */
static uint8_t read_command(int *ahead)
{
	const uint8_t what = *ahead < 0 ? read_byte() : (uint8_t)*ahead;

	do
		*ahead = byte_soon(LOOKS);
	while (*ahead == what);
	return what;
}

/* Reads a number ended by a blank, then that number of bytes. */
static void echo(int *ahead)
{
	uint32_t n = 0, begun;
	uint8_t c = *ahead < 0 ? read_byte() : (uint8_t)*ahead;

	for (*ahead = -1; c >= '0' && c <= '9'; c = read_byte())
		n = n * 10 + c - '0';
	print("echo\n");
	begun = now_ms();
	echo_bytes(n);
	print("\n%u bytes in %u ms\n", n, now_ms() - begun);
}

/* The next byte, or -1. */
static int load_once(const struct cvmm_boot *boot)
{
	load_memory(boot);
	return byte_soon(1);
}

static void interact(const struct cvmm_boot *boot)
{
	int ahead = -1;

	for (;;) {
		print("ready\n");
		switch (read_command(&ahead)) {
		case 's':
			show_all_shared();
			break;
		case 'd':
			each_disk(test_disk);
			break;
		case 'u':
			each_disk(write_disk);
			break;
		case 'm':
			test_memory(boot);
			break;
		case 'w':
			while (ahead < 0)
				ahead = load_once(boot);
			break;
		case 'b':
			use_balloon(boot);
			break;
		case 'n':
			start_devices(boot);
			break;
		case 'e':
			echo(&ahead);
			break;
		case 'q':
			return;
		}
	}
}

void guest_main(const struct cvmm_boot *boot, uint64_t cpu);

void guest_main(const struct cvmm_boot *boot, uint64_t cpu)
{
	if (cpu)
		return;		/* the entry stops this CPU */
	print("selftest: %u CPUs, %u pieces of memory, %u devices\n",
	      boot->ncpus, boot->nmemory, boot->ndevices);
	if (boot->magic != CVMM_BOOT_MAGIC || boot->size != sizeof(*boot))
		fault("the boot information is not what was expected");
	print("command line: %s\n", (const char *)boot->cmdline_gpa);
	test_memory(boot);
	show_initrd(boot);
	start_devices(boot);
	each_disk(test_disk);
	show_all_shared();
	if (has_word((const char *)boot->cmdline_gpa, "interactive"))
		interact(boot);
	print("selftest: %s, %u faults\n", faults ? "not content" : "content",
	      faults);
	power_off(faults ? 1 : 0);
}
