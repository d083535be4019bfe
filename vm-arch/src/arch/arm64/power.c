/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The machine's own registers (<vm-arch/boot_protocol.h>): power, parking a CPU and a clock; the PL031, and the PL061 with its power button. */
#include <config.h>

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <vm-arch/arch.h>
#include <vm-arch/bus.h>
#include <vm-arch/layout.h>
#include <vmm-sys-util/event.h>
#include <vmm-sys-util/fd.h>

#include "arch/arm64/pl031.h"
#include "arch/arm64/pl061.h"
#include "arch/arm64/primecell.h"
#include "arch/own.h"

/* Registers are as far apart as the ports of x86. */
#define AT_POWER	0x0
#define AT_PARK		0x4
#define AT_CLOCK	0x8

/* Registers that CPUs and the main thread share. */
struct varch_parts {
	const struct varch_power *power;
	pthread_mutex_t lock;
	struct varch_pl031 clock;
	struct varch_pl061 pins;
};

static void on_power(void *opaque, struct varch_access *access)
{
	const struct varch_power *power = opaque;

	if (!access->write)
		return;
	power->power(power->opaque, (uint8_t)access->value);
	access->park = true;
}

static void on_park(void *opaque, struct varch_access *access)
{
	(void)opaque;
	access->park = !access->write;
}

static void on_clock(void *opaque, struct varch_access *access)
{
	const struct varch_power *power = opaque;

	if (!access->write)
		access->value = (vsu_now_ns() - power->start_ns) / 1000000;
}

/* -------------------------------------------------------------------- clock and alarm */

static uint64_t host_seconds(void *opaque)
{
	struct timespec now;

	(void)opaque;
	/* time() may be a tick behind the timer of the alarm */
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec;
}

static void interrupt_clock(void *opaque)
{
	const struct varch_parts *parts = opaque;

	vsu_event_signal(parts->power->clock_irq_fd);
}

/* A time that the kernel refuses is too far away to come. */
static void set_alarm(void *opaque, uint64_t at)
{
	const struct varch_parts *parts = opaque;
	const struct itimerspec when = { .it_value.tv_sec = (time_t)at };

	(void)!timerfd_settime(parts->power->alarm_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void on_pl031(void *opaque, struct varch_access *access)
{
	struct varch_parts *parts = opaque;

	pthread_mutex_lock(&parts->lock);
	varch_pl031_access(&parts->clock, access);
	pthread_mutex_unlock(&parts->lock);
}

/* An alarm that was set again meanwhile is not due. */
static void end_alarm(struct varch_parts *parts)
{
	uint64_t times;

	if (read(parts->power->alarm_fd, &times, sizeof(times)) == sizeof(times))
		varch_pl031_alarm(&parts->clock);
}

/* -------------------------------------------------------------------------- power button */

static void interrupt_button(void *opaque)
{
	const struct varch_parts *parts = opaque;

	vsu_event_signal(parts->power->button_irq_fd);
}

static void on_pl061(void *opaque, struct varch_access *access)
{
	struct varch_parts *parts = opaque;

	pthread_mutex_lock(&parts->lock);
	varch_pl061_access(&parts->pins, access);
	pthread_mutex_unlock(&parts->lock);
}

void varch_power_note(struct varch_power *power, enum varch_power_event event)
{
	struct varch_parts *parts = power->parts;

	pthread_mutex_lock(&parts->lock);
	if (event == VARCH_POWER_BUTTON)
		varch_pl061_press(&parts->pins);
	else
		end_alarm(parts);
	pthread_mutex_unlock(&parts->lock);
}

/* ------------------------------------------------------------------------------- parts */

static int make_parts(struct varch_power *power, struct vsu_error *err)
{
	struct varch_parts *parts = calloc(1, sizeof(*parts));
	const int fd = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	const int rc = fd < 0 ? -errno : -ENOMEM;

	if (!parts || fd < 0) {
		free(parts);
		if (fd >= 0)
			close(fd);
		return vsu_error_sys(err, rc, "the real-time clock");
	}
	parts->power = power;
	power->alarm_fd = fd;
	parts->clock = (struct varch_pl031){
		.now = host_seconds, .interrupt = interrupt_clock, .set_alarm = set_alarm, .opaque = parts,
	};
	parts->pins = (struct varch_pl061){ .interrupt = interrupt_button, .opaque = parts };
	pthread_mutex_init(&parts->lock, NULL);
	power->parts = parts;
	return 0;
}

int varch_power_add(struct varch_power *power, struct varch_bus *registers, struct vsu_error *err)
{
	int rc = make_parts(power, err);
	const struct varch_range rows[] = {
		{ VARCH_MACHINE_GPA + AT_POWER, 4, "power register", on_power, power },
		{ VARCH_MACHINE_GPA + AT_PARK, 4, "park register", on_park, power },
		{ VARCH_MACHINE_GPA + AT_CLOCK, 4, "clock register", on_clock, power },
		{ VARCH_CLOCK_GPA, VARCH_PRIMECELL_LEN, "real-time clock", on_pl031, power->parts },
		{ VARCH_PINS_GPA, VARCH_PRIMECELL_LEN, "pins", on_pl061, power->parts },
	};
	unsigned int i;

	power->start_ns = vsu_now_ns();
	for (i = 0; !rc && i < sizeof(rows) / sizeof(rows[0]); i++)
		rc = varch_bus_add(registers, &rows[i], err);
	return rc;
}

void varch_power_free(struct varch_power *power)
{
	struct varch_parts *parts = power->parts;

	if (!parts)
		return;
	vsu_fd_close(&power->alarm_fd);
	pthread_mutex_destroy(&parts->lock);
	free(parts);
	power->parts = NULL;
}

void varch_power_save(const struct varch_power *power, struct vsu_state_writer *w)
{
	varch_pl031_save(&power->parts->clock, w);
	varch_pl061_save(&power->parts->pins, w);
}

int varch_power_load(struct varch_power *power, const struct vsu_state *state, struct vsu_error *err)
{
	struct varch_parts *parts = power->parts;
	int rc = varch_pl031_load(&parts->clock, state, err);

	return rc ? rc : varch_pl061_load(&parts->pins, state, err);
}
