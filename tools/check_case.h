/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/*
 * Cases of "vhost-user-tool check": each is a rule of the specification, tried on a new
 * connection to the back-end. A case is a row with steps, which are called until one of them
 * returns false: that one has set the verdict. Most steps are functions of this page; a step of
 * one case has at most 20 lines.
 *
 *	{ "ring.again", "a stopped ring can be started again", "Ring states", PF(REPLY_ACK), NULL,
 *	  { check_start, check_stop, check_restart, check_stop } },
 *
 * Every message of the back-end is also judged by its form (exchange.h): a problem fails
 * the case. All messages are in the log of the case.
 *
 * Threads: confined to one.
 */
#ifndef TOOLS_CHECK_CASE_H
#define TOOLS_CHECK_CASE_H

#include <vmm-sys-util/sock.h>

#include "peer.h"
#include "tool.h"
#include "trace_line.h"

enum check_verdict {
	CHECK_PASS,
	CHECK_FAIL,
	CHECK_SKIP,
};

#define PF(name) VHOST_USER_PROTOCOL_BIT(name)
#define ACK PF(REPLY_ACK)
#define V1 VHOST_USER_HDR_VERSION
#define NEED (VHOST_USER_HDR_VERSION | VHOST_USER_HDR_NEED_REPLY)
#define NS_PER_MS UINT64_C(1000000)

/* Sections of the specification, for rows of several tables. */
#define ACCESS "Memory access"
#define COMMUNICATION "Communication"
#define HEADERS "Header"
#define MIGRATION "Migration"
#define NEGOTIATION "Front-end message types: VHOST_USER_SET_FEATURES"
#define PROTOCOL "Protocol features"
#define STATES "Ring states"
#define TRACKING "Inflight I/O tracking"
#define TYPES "Front-end message types"

/* The time in which a device that does nothing shows that. */
#define CHECK_QUIET_MS		100
#define CHECK_RINGS		3u
#define CHECK_RING_SIZE		64u

struct check_ring {
	int kick, call, err;		/* or -1 */
	uint16_t made, seen;		/* positions of the driver: buffers offered, and used */
	uint16_t slots[CHECK_RING_SIZE];		/* of a packed ring, by head */
};

#define CHECK_RING_NONE { .kick = -1, .call = -1, .err = -1 }

struct check_reply {
	struct vhost_user_header hdr;
	unsigned int nfds;
	int fds[VSU_SOCK_MAX_FDS];	/* closed, unless the caller of check_receive() has them */
	unsigned char payload[RELAY_MAX_PAYLOAD];
};

struct check_case;

struct check {
	const struct check_case *row;
	struct peer *server;
	const char *device;		/* of --device, or NULL */
	uint64_t timeout_ms;		/* for each reply */
	int sock;			/* -1: closed by the case or the back-end */
	uint64_t start_ns;
	uint64_t features, protocol;	/* offered, after check_negotiate() */
	uint64_t extra;			/* features that check_start() acknowledges, too */
	uint64_t log_addr;		/* of the used ring, or 0: it is not logged */
	int memory;			/* memfd, after check_guest(), or -1 */
	unsigned char *guest;		/* CHECK_MEMORY_SIZE bytes of it, mapped */
	unsigned char *before;		/* a copy of it at the last check_kick(), or NULL */
	unsigned char *permitted;	/* 1: the device may write this byte */
	unsigned int ring;		/* that the functions below use */
	struct check_ring rings[CHECK_RINGS];
	int ours;			/* our end of a channel or pipe that was sent, or -1 */
	struct exchange exchange;
	struct check_reply reply;	/* the last message that was received */
	FILE *log;
	enum check_verdict verdict;
	char why[256];			/* unless the verdict is CHECK_PASS */
};

/* A part of a case. False: it has set the verdict, and ends the case. */
typedef bool check_step(struct check *c);

#define CHECK_STEPS 6u

struct check_case {
	const char *name;		/* "group.name" */
	const char *rule;		/* one sentence */
	const char *section;		/* of the specification */
	uint64_t needs;			/* protocol features, else the case is skipped */
	const void *with;		/* for the steps, as row->with; of a type known to them */
	check_step *steps[CHECK_STEPS];	/* NULL behind the last */
};

/* Rows, ended by one without a name. */
struct check_table {
	const struct check_case *cases;
	const char *device;	/* of --device; "": any of them; NULL: none is necessary */
};

struct check_suite;

/* Called for a case. False: no other one follows. */
typedef bool check_each(struct check_suite *r, const struct check_case *k);

/* Cases of a command, and what they need. */
struct check_suite {
	const struct tool_args *args;
	struct peer server;
	struct check *c;	/* the state of a case, set again for each */
	const struct check_table *tables;	/* ended by one without cases */
	/* Calls each for further cases, until it returns false; NULL: there are none. */
	bool (*for_others)(struct check_suite *r, check_each *each);
	void (*try_case)(struct check_suite *r, const struct check_case *k);
	/* Whether anything can be tried; a negative errno. */
	int (*probe)(struct check_suite *r, struct vsu_error *err);
	unsigned int count, failed;
	bool stopped;		/* by try_case: the verdict would be that of all cases */
	FILE *junit;		/* NULL: none */
};

/* Lists the cases, or tries them and prints the results. */
enum vsu_exit check_suite_run(struct check_suite *r, struct vsu_error *err);

/* Calls the steps of the row. */
void check_run_steps(struct check *c);

/* Calls each, if the user has chosen this case. */
bool check_chosen(struct check_suite *r, const struct check_case *k, check_each *each);

/*
 * The tables of cases for back-ends, in their order: ROW(table, device), where "" is any device
 * that --device names, and NULL none.
 */
#define CHECK_TABLES(ROW) \
	ROW(check_handshake, NULL) ROW(check_memory, NULL) ROW(check_rings, NULL) \
	ROW(check_chains, NULL) ROW(check_device, NULL) ROW(check_traffic, "") \
	ROW(check_blk, "blk") ROW(check_console, "console") ROW(check_fs, "fs") \
	ROW(check_net, "net") ROW(check_rng, "rng") ROW(check_vsock, "vsock")

#define CHECK_DECLARE(table, device) extern const struct check_case table[];
CHECK_TABLES(CHECK_DECLARE)

/* ---------------------------------------------------------- check_report.c */

/* Prints the result of case number n, with the log of a failure. */
void check_report_tap(unsigned int n, const struct check_case *k,
		      const struct check *c, const char *log);

/* Writes a result as XML in the form of JUnit: an element of a testsuite. */
void check_report_junit(FILE *to, const struct check_case *k,
			const struct check *c, const char *log);

/* ------------------------------------------------------------ check_peer.c */

/* A new connection; closes the former one. */
bool check_connect(struct check *c);
void check_disconnect(struct check *c);

/* Sets the verdict, unless there is one, and returns false. */
bool check_judge(struct check *c, enum check_verdict verdict, const char *fmt, ...) VSU_PRINTF(3, 4);

#define check_fail(c, ...) check_judge(c, CHECK_FAIL, __VA_ARGS__)
#define check_skip(c, ...) check_judge(c, CHECK_SKIP, __VA_ARGS__)
/* Fails unless holds. */
#define check_that(c, holds, ...) ((holds) || check_fail(c, __VA_ARGS__))

/* Sends a message with any header; payload has size bytes. */
bool check_send(struct check *c, uint32_t number, uint32_t flags,
		const void *payload, uint32_t size, const int *fds,
		unsigned int nfds);
/* Sends a request without a payload in single bytes. */
bool check_send_slowly(struct check *c, uint32_t number);
/* Sends bytes that may be no message. False without a verdict: the back-end has closed. */
bool check_send_bytes(struct check *c, const void *bytes, size_t n,
		      const int *fds, unsigned int nfds);

enum check_received {
	CHECK_RECEIVED,
	CHECK_RECEIVED_END,	/* the peer has closed */
	CHECK_RECEIVED_NOTHING,	/* in time */
	CHECK_RECEIVED_INVALID,	/* a header with a size that no message has */
};

/* Receives any message, without a log. The caller closes its descriptors in any case. */
enum check_received check_receive(struct check *c);
void check_close_fds(struct check *c);

/* Judges a message by exchange_judge(), and writes it to the log. */
void check_note(struct check *c, const struct relay_message *m, unsigned int connection,
		struct verdict *v);

/* Receives the reply to this request. */
bool check_reply(struct check *c, uint32_t number);
/* Copies the payload of the last reply; fails if it has another size. */
bool check_reply_bytes(struct check *c, void *to, size_t size);
/* Receives the reply to a request with NEED_REPLY; fails unless it was acknowledged with 0. */
bool check_ack(struct check *c, uint32_t number);

/* A request without a payload, and the u64 of its reply. */
bool check_get(struct check *c, uint32_t number, uint64_t *word);
/* A request with a u64, without a reply. */
bool check_set(struct check *c, uint32_t number, uint64_t word);
/* A request with NEED_REPLY, and check_ack(). */
bool check_acked(struct check *c, uint32_t number, const void *payload,
		 uint32_t size, const int *fds, unsigned int nfds);
/* check_acked() for a message without descriptors. */
bool check_acked_plain(struct check *c, uint32_t number, const void *payload,
		       uint32_t size);

/*
 * Reads the features and acknowledges the protocol features in wanted that are offered.
 * Skips the case if one of wanted is not.
 */
bool check_negotiate(struct check *c, uint64_t wanted);

/* The protocol features that these need and that are not among them. */
uint64_t check_protocol_lacks(uint64_t features);

/*
 * Sends a request, and waits for a message: the back-end has processed what was sent
 * before, unless it has closed the connection.
 */
void check_await(struct check *c, uint32_t number, const void *payload, uint32_t size);
/* check_await() by GET_FEATURES. */
check_step check_processed;

/* Fails unless the connection still has replies. */
check_step check_alive;

/*
 * For a connection that the back-end may close: closes it, and fails unless the back-end
 * serves the next one.
 */
check_step check_survives;

/*
 * The request of a row. Each of nfds descriptors is the memory of the guest, or else an
 * eventfd.
 */
struct check_message {
	uint32_t number, size;
	const void *payload;		/* len bytes; zeros follow up to size */
	uint32_t len;
	unsigned int nfds;
	bool events;
	uint32_t flags;			/* 0: those of version 1 */
};

/* Sends it. */
check_step check_row_sent;
/* And receives the reply; or fails unless it is acknowledged. */
check_step check_row_replied, check_row_acked;
/* And fails unless it is refused: by a result, or by the end of the connection. */
check_step check_row_refused;

/* The end of a rule. */
#define CHECK_SURVIVED " does not end the back-end"
/* In a row: type is that of the payload, with these values. */
#define CHECK_MESSAGE(number, nfds, size, type, ...) \
	&(const struct check_message){ VHOST_USER_##number, size, &(const type){ __VA_ARGS__ }, \
				       sizeof(type), nfds, false, 0 }
#define CHECK_EVENTS(number, nfds, size, type, ...) \
	&(const struct check_message){ VHOST_USER_##number, size, &(const type){ __VA_ARGS__ }, \
				       sizeof(type), nfds, true, 0 }
#define CHECK_EMPTY(number) \
	&(const struct check_message){ VHOST_USER_##number, 0, NULL, 0, 0, false, 0 }
/* The steps of a row whose request no front-end should send. */
#define CHECK_BAD { check_guest, check_row_sent, check_processed, check_survives }

/* ----------------------------------------------------------- check_guest.c */

/* Memory of the guest: one region. */
#define CHECK_MEMORY_SIZE	UINT64_C(0x100000)
#define CHECK_GUEST_ADDR	UINT64_C(0x100000)
#define CHECK_USER_ADDR		UINT64_C(0x7f0000000000)
/* Ring i begins at i * CHECK_RING_STRIDE; its areas: */
#define CHECK_RING_STRIDE	4096u
#define CHECK_AVAIL		1024u	/* packed: the driver's event suppression */
#define CHECK_USED		2048u	/* packed: the device's */
/* Places for requests. */
#define CHECK_TABLE		0x4000u	/* indirect */
#define CHECK_REQUEST		0x10000u
#define CHECK_REPLY		0x20000u

/* A region that is len bytes at offset of the memory. */
#define CHECK_REGION(offset, len) \
	{ CHECK_GUEST_ADDR + (offset), len, CHECK_USER_ADDR + (offset), offset }

/* Makes the memory, once in a case. */
check_step check_guest;
void check_guest_free(struct check *c);
/* A new file in memory, or -1. */
int check_memfd(uint64_t size);

/* Shares the memory by SET_MEM_TABLE. */
check_step check_share;

/* The addresses of the ring, with CHECK_RING_SIZE entries. */
struct vhost_user_vring_addr check_ring_addr(const struct check *c);

/*
 * SET_FEATURES and check_share(); the ring is started where its driver is (made), and enabled.
 * So is ring 0.
 */
check_step check_start;
/* check_start() without SET_OWNER. */
check_step check_begin;
/* Starts ring 0, too, if another one is used: a device may wait for it. */
check_step check_start_first;
/* Starts it again; check_run(): at a base, with the indices that are in its memory. */
check_step check_restart;
bool check_run(struct check *c, uint16_t base);
/* Stops it; fails unless the base in the reply is that of the driver. */
check_step check_stop;
/*
 * Behind a chain that no driver should offer: waits for a reaction, and stops the ring, so
 * that a thread of the back-end which has it has ended.
 */
check_step check_settle;

check_step check_enable, check_disable;
/* Requests for the ring with a new eventfd, or without one, acknowledged. */
check_step check_new_kick, check_new_call, check_new_err, check_no_call;

/* ------------------------------------------------------------- check_ring.c */

#define CHECK_NEXT	1u
#define CHECK_WRITE	2u
#define CHECK_INDIRECT	4u

/* A descriptor. next is added to the index behind this one, in a split ring. */
struct check_desc {
	uint64_t addr;
	uint32_t len;
	uint16_t flags, next;
};

struct check_used {
	uint32_t id, len;
};

void check_put16(struct check *c, unsigned int offset, uint16_t value);

/* Writes an indirect table. */
void check_table(struct check *c, unsigned int at, const struct check_desc *d, unsigned int n);
/* The device may write n bytes there. */
void check_permit(struct check *c, uint64_t at, uint64_t n);
/* Permits the device's part of the rings; before the first check_permit(). */
bool check_remember(struct check *c);
/* Makes a chain available, at this index of the table or with this id. */
bool check_offer(struct check *c, uint16_t head, const struct check_desc *d, unsigned int n);
/* Kicks. From here on, the device may write only buffers and its part of the ring. */
void check_kick(struct check *c);
/* check_kick(); behind position old it kicks only if the device demands that. */
void check_kick_on_demand(struct check *c, uint16_t old);
/* Fails if it wrote more. */
bool check_untouched(struct check *c);

/* Waits for a call, an error of the ring, or the end of the connection; false: none in time. */
bool check_wait(struct check *c, uint64_t ms);
/* The next used buffer; false: none now. */
bool check_take(struct check *c, struct check_used *used);
/* Waits for it, then check_untouched(). */
bool check_used(struct check *c, struct check_used *used);

/* How the buffers of a request are described. */
struct check_shape {
	enum { CHECK_DIRECT, CHECK_IN_TABLE } layout;
	uint32_t cut;		/* maximum bytes of a buffer; 0: no limit */
	unsigned int direct;	/* buffers before an indirect table */
	unsigned int shift;	/* bytes by which the table is not aligned */
	uint16_t flags;		/* of the descriptor of the table */
};

/* Each request has a slot: CHECK_SLOT bytes at CHECK_REQUEST and CHECK_REPLY. */
#define CHECK_SLOT	0x400u

/* The head, or the id, of the chain of a slot. */
uint16_t check_head(const struct check_shape *s, unsigned int slot);
/* Offers a request of len bytes with a reply of at most reply bytes. */
bool check_request(struct check *c, const struct check_shape *s, unsigned int slot,
		   const void *request, uint32_t len, uint32_t reply);

#endif
