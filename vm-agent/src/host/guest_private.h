/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A guest and its processes: what <vm-agent/guest.h> and <vm-agent/process.h> share. */
#ifndef VM_AGENT_HOST_GUEST_PRIVATE_H
#define VM_AGENT_HOST_GUEST_PRIVATE_H

#include <stdbool.h>
#include <stdint.h>

#include "host/channel.h"
#include "host/streams.h"
#include "vm-agent/guest.h"
#include "vm-agent/process.h"

struct vagent_priv_listing;
struct vagent_priv_measuring;

struct vagent_guest {
	enum vagent_priv_guest_state {
		VAGENT_GUEST_AWAITS_AGENT,	/* READY */
		VAGENT_GUEST_HELD,	/* the agent waits for vagent_priv_request_service() */
		VAGENT_GUEST_AWAITS_SERVICE,	/* SERVES */
		VAGENT_GUEST_SERVES,
		VAGENT_GUEST_FAILED,
	} state;
	int epfd, timer_fd, again_fd;
	int ours[VAGENT_PORTS], guests[VAGENT_PORTS];
	struct vagent_priv_channel control;
	struct vagent_request records;	/* of GUEST, until it is sent */
	bool is_held;		/* GUEST is not sent when the agent is ready */
	bool has_system;	/* processes may run in the guest itself */
	bool has_left;		/* its end of the control port is closed; output may remain */
	uint32_t ncontainers, nprocesses; /* numbers that were used */
	struct vagent_process *processes; /* a list */
	struct vagent_priv_container {
		struct vagent_priv_container *next;
		uint32_t number;
	} *containers;
	struct vagent_priv_listing *listings; /* in the order of their requests */
	struct vagent_priv_measuring *measurings; /* in their order */
	struct vagent_priv_frame_out out; /* to the port of the input */
	struct vagent_priv_frame_in in;	/* from the port of the output */
	struct vsu_error why;		/* of the failure */
};

/* Messages for a process that its agent has not read yet. */
struct vagent_priv_notices {
	uint64_t signals;	/* 1 << signo - 1 */
	uint64_t signals_to_all; /* the same, for all processes of the container */
	uint16_t rows, columns;	/* of the terminal, if has_size */
	bool has_size;
};

struct vagent_process {
	struct vagent_process *next;
	struct vagent_guest *guest;
	uint32_t number;	/* 0: PREPARE was not sent */
	uint32_t container, id;
	struct vagent_request records; /* of PREPARE, until it is sent */
	enum vagent_process_state state;
	bool terminal;
	bool ended;		/* in the guest; its output may not be complete */
	uint64_t received;	/* bytes of both outputs */
	struct vagent_priv_notices notices;
	struct vagent_priv_source in;
	struct vagent_priv_sink sinks[VAGENT_STREAMS]; /* by enum vagent_standard; that of the input is not used */
	struct vagent_end end;	/* if it ended */
	struct vsu_error why;
};

/* guest_state.c: the descriptor of the guest is readable, for another turn. */
void vagent_priv_call_again(const struct vagent_guest *g);
/* guest_state.c: ends the connection for the reason in g->why, and so all processes. */
void vagent_priv_end_guest(struct vagent_guest *g);
/* guest_state.c: ends it for a failure of this host. */
void vagent_priv_fail_guest(struct vagent_guest *g, int rc, const char *what);
/* guest_state.c: ends the connection, as the guest is not trusted further. */
void vagent_priv_distrust(struct vagent_guest *g, const char *what);
/* guest_state.c: -EAGAIN: the guest does not serve; the error of one that has failed. */
int vagent_priv_check_ready(const struct vagent_guest *g, struct vsu_error *err) VSU_NODISCARD;
/* guest_state.c: those of vagent_priv_check_ready(); -ENOENT: it has no such container. */
int vagent_priv_check_container(const struct vagent_guest *g, uint32_t number, struct vsu_error *err) VSU_NODISCARD;
/* guest_state.c: sends a request of the owner. Errors of vagent_priv_channel_send_records(), with a sentence. */
int vagent_priv_request(struct vagent_guest *g, enum vagent_message type, const void *head, size_t len,
			const struct vagent_request *records, struct vsu_error *err) VSU_NODISCARD;

/* guest.c: sends MOMENT and GUEST with its records. The guest fails if that is impossible. */
void vagent_priv_request_service(struct vagent_guest *g);

/* guest_ports.c: watches the host's ends of the ports. */
int vagent_priv_guest_use_ports(struct vagent_guest *g) VSU_NODISCARD;
/* guest_ports.c: moves the host's ends out of a guest, which has no further work. */
void vagent_priv_guest_release_ports(struct vagent_guest *g, int ports[VAGENT_PORTS]);
/* guest_ports.c: replaces the ports of a guest whose agent has not been heard, and owns them, also after a failure. */
int vagent_priv_guest_take_ports(struct vagent_guest *g, const int ports[VAGENT_PORTS]) VSU_NODISCARD;

/* process.c: makes a process, of which nothing is sent yet. Errors of vagent_process_prepare(). */
int vagent_priv_process_make(struct vagent_guest *g, unsigned int container, const struct vagent_process_config *c,
			     struct vagent_process **out, struct vsu_error *err) VSU_NODISCARD;
/* process.c: sends PREPARE. Errors of vagent_priv_request(). */
int vagent_priv_process_send(struct vagent_process *p, struct vsu_error *err) VSU_NODISCARD;

/* process.c: sends the signals and sizes that wait, as far as the agent reads. */
void vagent_priv_pass_notices(struct vagent_guest *g);

/* process.c: messages about processes, whose length the caller has checked. */
void vagent_priv_serve_prepared(struct vagent_guest *g, const struct vagent_prepared *m);
void vagent_priv_serve_running(struct vagent_guest *g, uint32_t process);
void vagent_priv_serve_process_ended(struct vagent_guest *g, const struct vagent_process_ended *m, const char *text,
				     size_t len);
void vagent_priv_serve_credited(struct vagent_guest *g, const struct vagent_credit *m);

/* measure.c: a message of a length that the caller has checked. */
void vagent_priv_serve_measured(struct vagent_guest *g, const struct vagent_measured *m);
/* measure.c: frees requests without a reply. */
void vagent_priv_free_measurings(struct vagent_guest *g);

/* process_streams.c: serves the frames and streams of all processes. True: call again. */
bool vagent_priv_serve_streams(struct vagent_guest *g);
/* process_streams.c: whether output was received, or can be, that its reader has not taken. */
bool vagent_priv_has_output(const struct vagent_guest *g);

/*
 * process.c: finds the process of a message. NULL: it was freed; a number that was not used makes the guest
 * fail.
 */
struct vagent_process *vagent_priv_find_process(struct vagent_guest *g, uint32_t number);

#endif
