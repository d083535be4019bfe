/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Creates the machine step by step, and frees it. */
#include <config.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vm-arch/arch.h>
#include <vm-arch/vm.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "machine/disk_flush.h"
#include "cvmm/exit_status.h"
#include "machine/events.h"
#include "machine/sharing.h"
#include "run/console.h"
#include "run/conversion.h"
#include "run/cpu_faults.h"
#include "run/cpu_plug.h"
#include "run/debugger.h"
#include "run/devices.h"
#include "run/plug.h"
#include "setup/setup.h"
#include "setup/steps.h"
#include "transfer/incoming.h"
#include "transfer/migrate.h"
#include "transfer/postcopy.h"
#include "transfer/recording.h"
#include "transfer/restore.h"
#include "transfer/core.h"
#include "transfer/save.h"

void vmm_machine_set_owner(struct vmm_machine *m, const struct cvmm_host *owner)
{
	static const struct cvmm_host none = { .size = sizeof(none) };

	m->owner = owner ? *owner : none;
	vmm_process_init(&m->process, &m->owner);
	m->events = m->owner.event ? m->owner.events : 0;
}

/* One step: returns 0 or a negative errno; its stage maps that to a status. */
struct step {
	int (*fn)(struct vmm_machine *m, struct vsu_error *err);
	enum cvmm_step stage;
};

static int take_devices(struct vmm_machine *m, struct vsu_error *err)
{
	const struct vmm_config *c = m->config;
	unsigned int i;
	int rc = 0;

	if (c->ndevices > VMM_DEVICE_PLACES)
		return vsu_error_set(err, -EINVAL,
			"%u devices, but only %d interrupts", c->ndevices,
			VMM_DEVICE_PLACES);
	for (i = 0; !rc && i < c->ndevices; i++) {
		m->devices[i].spec = c->specs[i];
		m->devices[i].spec.continues = m->start->rebooted;
		rc = vmm_machine_find_own(m, &m->devices[i], err);
	}
	m->ndevices = c->ndevices;
	return rc;
}

/* Their drivers run already, on the bus of the state. */
static int continue_devices(struct vmm_machine *m, struct vsu_error *err)
{
	unsigned int i;

	(void)err;
	m->on_bus = m->restore.on_bus;
	for (i = 0; i < m->ndevices; i++)
		m->devices[i].spec.continues = true;
	return 0;
}

static int open_kvm(struct vmm_machine *m, struct vsu_error *err)
{
	const struct varch_vm_config config = {
		.device = m->owner.kvm, .private_memory = vmm_memory_wants_private(&m->memory),
		.choice = &m->config->cpu.choice, .state = m->restore.state.len ? &m->restore.state : NULL,
	};

	return varch_vm_open(&m->kvm, &config, err);
}

static void on_power(void *opaque, uint8_t status)
{
	struct vmm_machine *m = opaque;

	if (status)
		varch_cpus_end(m->cpus, VSU_EXIT_FAIL,
			     "the guest ended with status %u", status);
	else
		varch_cpus_end(m->cpus, VSU_EXIT_OK, "%s", "");
}

/* Ends this machine; main decides whether to start another one. */
static void on_reset(void *opaque)
{
	struct vmm_machine *m = opaque;

	varch_cpus_end(m->cpus, VSU_EXIT_REBOOT, "the guest asked for a reboot");
}

static void on_power_off(void *opaque)
{
	struct vmm_machine *m = opaque;

	varch_cpus_end(m->cpus, VSU_EXIT_OK, "the guest powered off");
}

static void on_panic(void *opaque)
{
	struct vmm_machine *m = opaque;

	varch_cpus_end(m->cpus, VSU_EXIT_PANIC, "the guest's kernel panicked");
}

static int make_power(struct vmm_machine *m, struct vsu_error *err)
{
	m->power.power = on_power;
	m->power.reset = on_reset;
	m->power.power_off = on_power_off;
	m->power.panic = on_panic;
	m->power.opaque = m;
	return varch_power_add(&m->power, vmm_machine_registers(m), err);
}

static void on_stuck(void *opaque)
{
	static const struct vsu_error why = {
		.msg = "a CPU waits for a page of a file whose server does not respond, and cannot be stopped; the process ends without it",
	};

	vmm_machine_abandon(opaque, VSU_EXIT_INTERNAL, &why);
}

static int begin_cpu(void *opaque, struct vsu_error *err)
{
	const struct vmm_machine *m = opaque;

	return m->owner.begin_thread ? m->owner.begin_thread(m->owner.opaque, CVMM_THREAD_CPU, err) : 0;
}

static int make_irq(const struct vmm_machine *m, unsigned int irq, int *fd,
		    struct vsu_error *err)
{
	*fd = vsu_event_new();
	return *fd < 0 ? vsu_error_sys(err, *fd, "interrupt %u", irq) :
			 varch_vm_irqfd(&m->kvm, *fd, irq, true, err);
}

static int make_events(struct vmm_machine *m, struct vsu_error *err)
{
	int rc = make_irq(m, VARCH_BUTTON_IRQ, &m->power.button_irq_fd, err);

	if (!rc && VARCH_CLOCK_IRQ)
		rc = make_irq(m, VARCH_CLOCK_IRQ, &m->power.clock_irq_fd, err);
	return rc ? rc : make_irq(m, VARCH_EVENT_IRQ, &m->event_irq_fd, err);
}

static int make_cpus(struct vmm_machine *m, struct vsu_error *err)
{
	const struct varch_cpus_config config = {
		.kvm = &m->kvm, .n = m->config->cpus.n,
		.hooks = {
			.memory = &m->mmio, .ports = &m->ports,
			.repair = vmm_fault_repair,
			.poisoned = vmm_fault_poisoned,
			.convert = vmm_conversion_run,
			.debug = vmm_debugger_exit,
			.opaque = m,
		},
		.lent = m->owner.lends_cpus, .begin = m->owner.lends_cpus ? NULL : begin_cpu,
		.stuck = on_stuck,
	};

	return varch_cpus_new(&config, &m->cpus, err);
}

static int make_loop(struct vmm_machine *m, struct vsu_error *err)
{
	return vsu_loop_new(&m->loop, err);
}

/*
 * The life of a machine up to the guest's first instruction. A phase is a run of steps;
 * machines that boot, continue from a folder or arrive in a stream share those that make
 * the machine itself.
 */
static const struct step open_boot[] = {
	{ vmm_machine_check_serial, CVMM_STEP_OPTIONS },
	{ take_devices, CVMM_STEP_OPTIONS },
	{ vmm_machine_init_memory, CVMM_STEP_OPTIONS },
	{ vmm_machine_check_memory, CVMM_STEP_OPTIONS },
	{ vmm_boot_open, CVMM_STEP_KERNEL },
	{ vmm_machine_choose_bus, CVMM_STEP_KVM },
	{ NULL, 0 }
};

static const struct step open_folder[] = {
	{ vmm_machine_check_serial, CVMM_STEP_OPTIONS },
	{ take_devices, CVMM_STEP_OPTIONS },
	{ vmm_restore_open, CVMM_STEP_CONFIGURATION },
	{ continue_devices, CVMM_STEP_OPTIONS },
	{ vmm_restore_check_clone, CVMM_STEP_CONFIGURATION },
	{ vmm_machine_init_saved_memory, CVMM_STEP_OPTIONS },
	{ vmm_machine_check_saved_memory, CVMM_STEP_CONFIGURATION },
	{ NULL, 0 }
};

static const struct step open_stream[] = {
	{ vmm_machine_check_serial, CVMM_STEP_OPTIONS },
	{ take_devices, CVMM_STEP_OPTIONS },
	{ vmm_incoming_open, CVMM_STEP_STREAM },
	{ continue_devices, CVMM_STEP_OPTIONS },
	{ vmm_machine_init_memory, CVMM_STEP_OPTIONS },
	{ vmm_machine_check_saved_memory, CVMM_STEP_CONFIGURATION },
	{ vmm_incoming_share, CVMM_STEP_STREAM },
	{ NULL, 0 }
};

static const struct step make_vm[] = {
	{ make_loop, CVMM_STEP_RUN },
	{ open_kvm, CVMM_STEP_KVM },
	{ vmm_machine_make_memory, CVMM_STEP_MEMORY },
	{ vmm_machine_check_sharing, CVMM_STEP_MEMORY },
	{ NULL, 0 }
};

static const struct step read_memory[] = {
	{ vmm_restore_memory, CVMM_STEP_CONFIGURATION },
	{ NULL, 0 }
};

/* Interrupt controllers begin when all CPUs exist, and devices are connected to them. */
static const struct step make_devices[] = {
	{ vmm_machine_check_cpus, CVMM_STEP_KVM },
	{ make_cpus, CVMM_STEP_KVM },
	{ vmm_machine_make_bus, CVMM_STEP_KVM },
	{ vmm_machine_make_local_devices, CVMM_STEP_DISK },
	{ vmm_machine_make_kernel_devices, CVMM_STEP_VHOST },
	{ vmm_machine_make_remote_devices, CVMM_STEP_SOCKET },
	{ make_events, CVMM_STEP_KVM },
	{ make_power, CVMM_STEP_RUN },
	{ vmm_machine_make_plug, CVMM_STEP_KVM },
	{ NULL, 0 }
};

/* The console may create a file, so it follows all that often fails. */
static const struct step load_kernel[] = {
	{ vmm_boot_prepare, CVMM_STEP_KERNEL },
	{ vmm_debugger_open, CVMM_STEP_SOCKET },
	{ vmm_machine_open_console, CVMM_STEP_CONSOLE },
	{ NULL, 0 }
};

/* The serial port exists when the console is open. */
static const struct step load_folder[] = {
	{ vmm_debugger_open, CVMM_STEP_SOCKET },
	{ vmm_machine_open_console, CVMM_STEP_CONSOLE },
	{ vmm_restore_check_disks, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_check_content, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_load, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_plugged, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_controllers, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_renew, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_resume, CVMM_STEP_RUN },
	{ vmm_restore_prefetch, CVMM_STEP_RUN },
	{ NULL, 0 }
};

/* A terminal can interrupt the reception, because the console opens after it. */
static const struct step load_stream[] = {
	{ vmm_debugger_open, CVMM_STEP_SOCKET },
	{ vmm_incoming_receive, CVMM_STEP_STREAM },
	{ vmm_machine_open_console, CVMM_STEP_CONSOLE },
	{ vmm_restore_check_disks, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_load, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_controllers, CVMM_STEP_CONFIGURATION },
	{ vmm_restore_requested, CVMM_STEP_CONFIGURATION },
	{ vmm_incoming_confirm, CVMM_STEP_STREAM },
	{ vmm_restore_resume, CVMM_STEP_RUN },
	{ NULL, 0 }
};

/* The phases of each way of life, up to NULL. */
static const struct step *const boot[] = {
	open_boot, make_vm, make_devices, load_kernel, NULL
};

static const struct step *const from_folder[] = {
	open_folder, make_vm, read_memory, make_devices, load_folder, NULL
};

static const struct step *const from_stream[] = {
	open_stream, make_vm, make_devices, load_stream, NULL
};

/* The only place that selects by the option. */
static const struct step *const *choose_life(struct vmm_machine *m)
{
	m->restore.folder = m->start->from;
	m->restore.stream = m->start->stream;
	return m->restore.folder ? from_folder :
	       m->restore.stream ? from_stream : boot;
}

/* Returns 0, or an exit status and its message. */
static int run_steps(struct vmm_machine *m, const struct step *step, struct vsu_error *err)
{
	int rc;

	for (; step->fn; step++) {
		rc = step->fn(m, err);
		if (rc < 0)
			return cvmm_exit_status(step->stage, rc);
	}
	return 0;
}

int vmm_machine_make(struct vmm_machine *m, const struct vmm_config *config,
		     const struct vmm_start *start, struct vsu_error *err)
{
	const struct step *const *phase;
	int status = 0;

	m->config = config;
	m->start = start;
	m->made_ns = vsu_now_ns();
	m->pause.life = (struct vmm_life)VMM_LIFE_INIT;
	m->kvm.kvm_fd = m->kvm.vm_fd = -1;
	m->serial_irq_fd = m->power.button_irq_fd = m->power.clock_irq_fd = m->event_irq_fd = -1;
	m->console_in = m->console_out = m->restore.memory_fd = m->restore.base_fd = -1;
	for (phase = choose_life(m); !status && *phase; phase++)
		status = run_steps(m, *phase, err);
	if (status && m->restore.stream)
		vmm_incoming_refuse(m, err);
	return status;
}

void vmm_machine_end_jobs(struct vmm_machine *m)
{
	vmm_save_free(m);
	vmm_core_free(m);
	vmm_migrate_free(m);
	vmm_recording_free(m);
	vmm_answers_end(&m->answers);
}

void vmm_machine_free(struct vmm_machine *m)
{
	bool keeps_disks;
	unsigned int i;

	vmm_machine_end_jobs(m);
	vmm_restore_free(m);
	vmm_image_base_free(&m->restore.base);
	vmm_prefetch_free(m->restore.prefetch);
	vmm_debugger_free(m->pause.debugger);
	keeps_disks = !vmm_disks_end_flush(m);
	for (i = 0; i < m->ndevices; i++)
		if (!keeps_disks || !vmm_machine_local_device(&m->devices[i]) || m->devices[i].own)
			vmm_machine_free_device(&m->devices[i]);
	vmm_postcopy_free(m);
	vmm_console_free(m->console);
	devkind_stdio_free(m->stdio);
	varch_cpus_free(m->cpus);
	varch_power_free(&m->power);
	varch_slots_free(m->slots);
	vmm_private_free(&m->private_memory);
	vmm_memory_free(&m->memory);
	varch_vm_close(&m->kvm);
	varch_file_close(&m->kernel);
	varch_file_close(&m->initrd);
	vsu_fd_close(&m->serial_irq_fd);
	vsu_fd_close(&m->power.button_irq_fd);
	vsu_fd_close(&m->power.clock_irq_fd);
	vsu_fd_close(&m->event_irq_fd);
	if (m->close_console)
		vsu_fd_close(&m->console_out);
	vsu_loop_free(m->loop);
}
