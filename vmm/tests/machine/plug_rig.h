/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * A machine with a bus, whose devices are added and removed. The test's script
 * runs on its own thread and plays the guest, by accesses of CPU 0, and the
 * user.
 */
#ifndef VMM_TESTS_MACHINE_PLUG_RIG_H
#define VMM_TESTS_MACHINE_PLUG_RIG_H

#include "user.h"

#define SLOT1 2u		/* its bit */
#define CAME VARCH_PORT_PLUG
#define GOES (VARCH_PORT_PLUG + 4)
#define EJECT (VARCH_PORT_PLUG + 8)
#define ABSENT 0xffffffffu
#define COMMAND 0x04
#define STATUS 0x14		/* of the common configuration */

#define OWN_MEMORY "--memory=size=4M"
#define SHARED_MEMORY "--memory=size=4M,backend=memfd"

/* Runs a machine to the end of the script, which must not fail. */
void machine_run(const char *transport, const char *memory,
		 void (*what)(void));
/* Runs a machine of the words of a command line, up to NULL. */
void machine_run_words(const char *const *words, void (*what)(void));
/* The machine ends with that status, by itself unless it is VSU_EXIT_OK. */
void machine_run_to(int status, const char *const *words, void (*what)(void));

/* Guest code of CPU 0, for tests in which other CPUs do more. */
int obedient(unsigned int cpu, unsigned int n, struct kvm_run *run);

/* Accesses of the guest. */
uint32_t access_of(const struct varch_bus *bus, uint64_t at, uint32_t len,
		   bool write, uint32_t value);
uint32_t port_in(uint16_t port);
void port_out(uint16_t port, uint32_t value);
uint32_t config_in(unsigned int slot, uint32_t at);
/* Accesses a register of the common configuration, with memory enabled. */
void common_out(unsigned int slot, uint32_t at, uint32_t len, uint32_t value);
void status_out(unsigned int slot, uint8_t value);
/* A driver that starts n queues. */
void drive(unsigned int slot, unsigned int nqueues);
/* The guest ejects the device, as its ACPI code does. */
void assert_given(unsigned int slot);

#endif
