/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* Type and meaning of the metrics of a device: one table. */
#include <config.h>

#include <stdbool.h>
#include <string.h>

#include "core/metric_texts.h"

#define COUNTER VIRTDEV_METRIC_COUNTER
#define GAUGE VIRTDEV_METRIC_GAUGE

/* Statistics with the same name in several kinds of devices have one description. */
static const struct virtdev_metric known[] = {
	{ "device_actual", GAUGE, "Bytes that the guest has returned to the host." },
	{ "device_away", GAUGE, "1 while the device reconnects to its back-end." },
	{ "device_bytes", COUNTER, "Bytes of entropy that the guest received." },
	{ "device_bytes_dropped", COUNTER, "Bytes of the guest that were dropped without a reader." },
	{ "device_bytes_from_guest", COUNTER, "Bytes that the guest sent." },
	{ "device_bytes_read", COUNTER, "Bytes that the guest read." },
	{ "device_bytes_received", COUNTER, "Bytes of frames that the guest received." },
	{ "device_bytes_sent", COUNTER, "Bytes of frames that the guest sent." },
	{ "device_bytes_to_guest", COUNTER, "Bytes that the guest received." },
	{ "device_bytes_unrecorded", COUNTER, "Bytes of the guest that a console's log lost." },
	{ "device_bytes_written", COUNTER, "Bytes that the guest wrote." },
	{ "device_connections", GAUGE, "Open connections." },
	{ "device_dead", GAUGE, "1 if the session with the back-end has failed for good." },
	{ "device_discards", COUNTER, "Discard requests." },
	{ "device_dropped", COUNTER, "Frames that were dropped." },
	{ "device_failed", COUNTER, "Requests that failed." },
	{ "device_flushes", COUNTER, "Flush requests." },
	{ "device_from_guest", COUNTER, "Bytes that the guest sent." },
	{ "device_guest_available", GAUGE, "Bytes that programs of the guest can allocate, by its last report." },
	{ "device_guest_caches", GAUGE, "Bytes of the guest's page cache, by its last report." },
	{ "device_guest_free", GAUGE, "Free bytes in the guest, by its last report." },
	{ "device_guest_major_faults", COUNTER, "Page faults of the guest with I/O, by its last report." },
	{ "device_guest_minor_faults", COUNTER, "Page faults of the guest without I/O, by its last report." },
	{ "device_guest_reports", COUNTER, "Reports of memory statistics by the guest." },
	{ "device_guest_swapped_in", COUNTER, "Bytes that the guest swapped in, by its last report." },
	{ "device_guest_swapped_out", COUNTER, "Bytes that the guest swapped out, by its last report." },
	{ "device_guest_total", GAUGE, "Bytes of memory in the guest, by its last report." },
	{ "device_inflated", COUNTER, "Bytes of memory that the balloon has released." },
	{ "device_interrupts", COUNTER, "Interrupts that the back-end requested." },
	{ "device_kept", COUNTER, "Bytes of returned memory that could not be released." },
	{ "device_latency_seconds", COUNTER, "Times of requests." },
	{ "device_losses", COUNTER, "Lost connections to the back-end." },
	{ "device_lost", COUNTER, "Requests whose result was lost." },
	{ "device_messages_refused", COUNTER, "Control messages of the driver that were refused." },
	{ "device_plugged", GAUGE, "Bytes of memory that the guest has plugged." },
	{ "device_reads", COUNTER, "Read requests." },
	{ "device_received", COUNTER, "Frames that the guest received." },
	{ "device_refused", COUNTER, "Connections that were refused." },
	{ "device_refused_buffers", COUNTER, "Buffers of the guest in memory that the device cannot access." },
	{ "device_reported", COUNTER, "Bytes of free pages that the guest reported." },
	{ "device_requested", GAUGE, "Bytes of memory that the guest is to plug." },
	{ "device_requests", COUNTER, "Requests." },
	{ "device_sent", COUNTER, "Frames that the guest sent." },
	{ "device_target", GAUGE, "Bytes that the guest is to return to the host." },
	{ "device_to_guest", COUNTER, "Bytes that the guest received." },
	{ "device_too_long", COUNTER, "Messages that exceeded a buffer." },
	{ "device_write_zeroes", COUNTER, "Requests that write zeros." },
	{ "device_writes", COUNTER, "Write requests." },
	{ "ring_in_flight", GAUGE, "Requests in progress." },
	{ "ring_max_in_flight", GAUGE, "Highest number of requests in progress." },
};

/* Compares names; characters that a metric's name cannot have are "_". */
static bool is_name(const char *known_name, const char *name, size_t len)
{
	size_t i;

	if (strlen(known_name) != len)
		return false;
	for (i = 0; i < len; i++)
		if (known_name[i] != name[i] && (known_name[i] != '_' || !strchr("-. ", name[i])))
			return false;
	return true;
}

const struct virtdev_metric *virtdev_priv_metric_find(const char *name, size_t len,
						      const struct virtdev_metric *own)
{
	size_t i;

	for (; own && own->name; own++)
		if (is_name(own->name, name, len))
			return own;
	for (i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (is_name(known[i].name, name, len))
			return &known[i];
	return NULL;
}
