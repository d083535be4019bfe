/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* The TLS module: TLS 1.3 with certificates of both ends, by gnutls. */
#include <config.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>

#include "migration/tls.h"

#define REASON_MAX 256u

struct tls {
	gnutls_certificate_credentials_t credentials;
	gnutls_session_t session;
	gnutls_typed_vdata_st expected[2];	/* of the peer's certificate */
	unsigned int nexpected;
	bool server;
	char *hostname;
	char reason[REASON_MAX];
};

static void tls_free(void *self)
{
	struct tls *t = self;

	if (t->session)
		gnutls_deinit(t->session);
	if (t->credentials)
		gnutls_certificate_free_credentials(t->credentials);
	free(t->hostname);
	free(t);
}

/* ---------------------------------------------------------------------- files */

static int name_file(char *path, const char *folder, const char *prefix,
		     const char *name, struct vsu_error *err)
{
	const int len = snprintf(path, PATH_MAX, "%s/%s%s", folder, prefix, name);

	if (len < 0 || len >= PATH_MAX)
		return vsu_error_set(err, -ENAMETOOLONG, "certificates: the name of the folder is too long");
	return access(path, R_OK) < 0 ?
	       vsu_error_sys(err, -errno, "cannot read '%s'", path) : 0;
}

static int refuse_file(int rc, const char *path, struct vsu_error *err)
{
	return vsu_error_set(err, -EINVAL, "'%s' cannot be used: %s", path,
			     rc ? gnutls_strerror(rc) : "it has no certificate");
}

static int read_authority(struct tls *t, const char *folder, struct vsu_error *err)
{
	char path[PATH_MAX];
	int rc = name_file(path, folder, "ca-", "cert.pem", err);

	if (rc < 0)
		return rc;
	rc = gnutls_certificate_set_x509_trust_file(t->credentials, path, GNUTLS_X509_FMT_PEM);
	if (rc <= 0)
		return refuse_file(rc, path, err);
	if (name_file(path, folder, "ca-", "crl.pem", NULL) < 0)
		return 0;
	rc = gnutls_certificate_set_x509_crl_file(t->credentials, path, GNUTLS_X509_FMT_PEM);
	return rc < 0 ? refuse_file(rc, path, err) : 0;
}

static int read_own(struct tls *t, const char *folder, struct vsu_error *err)
{
	const char *prefix = t->server ? "server-" : "client-";
	char cert[PATH_MAX], key[PATH_MAX];
	int rc = name_file(cert, folder, prefix, "cert.pem", err);

	if (!rc)
		rc = name_file(key, folder, prefix, "key.pem", err);
	if (rc < 0)
		return rc;
	rc = gnutls_certificate_set_x509_key_file(t->credentials, cert, key,
						  GNUTLS_X509_FMT_PEM);
	return rc < 0 ? refuse_file(rc, cert, err) : 0;
}

static int tls_open(const struct vmm_tls_config *config, void **self,
		    struct vsu_error *err)
{
	struct tls *t = calloc(1, sizeof(*t));
	int rc;

	if (!t)
		return vsu_error_set(err, -ENOMEM, "no memory for TLS");
	t->server = config->server;
	t->hostname = config->hostname ? strdup(config->hostname) : NULL;
	rc = (config->hostname && !t->hostname) ||
	     gnutls_certificate_allocate_credentials(&t->credentials) < 0 ?
	     vsu_error_set(err, -ENOMEM, "no memory for TLS") : 0;
	if (!rc)
		rc = read_authority(t, config->folder, err);
	if (!rc)
		rc = read_own(t, config->folder, err);
	if (rc < 0)
		tls_free(t);
	else
		*self = t;
	return rc;
}

/* --------------------------------------------------------------------- reasons */

static void explain_certificate(struct tls *t)
{
	const unsigned int status = gnutls_session_get_verify_cert_status(t->session);
	gnutls_datum_t text = { NULL, 0 };

	if (gnutls_certificate_verification_status_print(status, GNUTLS_CRT_X509, &text, 0) < 0)
		text.data = NULL;
	snprintf(t->reason, sizeof(t->reason), "TLS: the certificate of the other side is refused: %s",
		 text.data ? (const char *)text.data : "");
	gnutls_free(text.data);
}

/* Keeps the reason; always -EPROTO. */
static int explain_failure(struct tls *t, int rc)
{
	switch (rc) {
	case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
	case GNUTLS_E_CERTIFICATE_ERROR:
		explain_certificate(t);
		break;
	case GNUTLS_E_NO_CERTIFICATE_FOUND:
	case GNUTLS_E_CERTIFICATE_REQUIRED:
		snprintf(t->reason, sizeof(t->reason), "TLS: the other side has no certificate");
		break;
	case GNUTLS_E_WARNING_ALERT_RECEIVED:
	case GNUTLS_E_FATAL_ALERT_RECEIVED:
		snprintf(t->reason, sizeof(t->reason), "TLS: the other side refuses the connection: %s",
			 gnutls_alert_get_name(gnutls_alert_get(t->session)));
		break;
	case GNUTLS_E_UNEXPECTED_PACKET:
	case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
	case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
		snprintf(t->reason, sizeof(t->reason), "TLS: the other side does not use TLS 1.3 (%s)",
			 gnutls_strerror(rc));
		break;
	default:
		snprintf(t->reason, sizeof(t->reason), "TLS: %s", gnutls_strerror(rc));
	}
	return -EPROTO;
}

static const char *tls_reason(void *self)
{
	return ((struct tls *)self)->reason;
}

/* ------------------------------------------------------------------- transfers */

static int failure_of(struct tls *t, ssize_t rc, short *events)
{
	switch (rc) {
	case GNUTLS_E_AGAIN:
		*events = gnutls_record_get_direction(t->session) ? POLLOUT : POLLIN;
		return -EAGAIN;
	case GNUTLS_E_INTERRUPTED:
		return -EINTR;
	case GNUTLS_E_PUSH_ERROR:
	case GNUTLS_E_PULL_ERROR:
	case GNUTLS_E_PREMATURE_TERMINATION:
		return -ECONNRESET;
	}
	return explain_failure(t, (int)rc);
}

static ssize_t tls_send(void *self, const void *bytes, size_t len, short *events)
{
	struct tls *t = self;
	const ssize_t n = gnutls_record_send(t->session, bytes, len);

	return n < 0 ? failure_of(t, n, events) : n;
}

static ssize_t tls_receive(void *self, void *bytes, size_t len, short *events)
{
	struct tls *t = self;
	const ssize_t n = gnutls_record_recv(t->session, bytes, len);

	return n < 0 ? failure_of(t, n, events) : n;
}

/* ------------------------------------------------------------------- handshake */

static void expect_of_peer(struct tls *t, gnutls_vdata_types_t type, const char *text)
{
	static const gnutls_typed_vdata_st none;
	gnutls_typed_vdata_st *e = &t->expected[t->nexpected++];

	*e = none;
	e->type = type;
	e->data = (unsigned char *)(uintptr_t)text;
}

static int make_session(struct tls *t, int fd)
{
	int rc = gnutls_init(&t->session, (t->server ? GNUTLS_SERVER : GNUTLS_CLIENT) |
			     GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL | GNUTLS_FORCE_CLIENT_CERT);

	if (rc < 0) {
		t->session = NULL;
		return rc;
	}
	rc = gnutls_priority_set_direct(t->session, "NORMAL:-VERS-ALL:+VERS-TLS1.3", NULL);
	if (!rc)
		rc = gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, t->credentials);
	if (t->server)
		gnutls_certificate_server_set_request(t->session, GNUTLS_CERT_REQUIRE);
	expect_of_peer(t, GNUTLS_DT_KEY_PURPOSE_OID, t->server ?
		       GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER);
	if (t->hostname)
		expect_of_peer(t, GNUTLS_DT_DNS_HOSTNAME, t->hostname);
	gnutls_session_set_verify_cert2(t->session, t->expected, t->nexpected, 0);
	gnutls_transport_set_int(t->session, fd);
	return rc;
}

/*
 * Bytes that nobody reads would make close() reset the connection, and the peer would
 * not receive the alert.
 */
static void refuse_peer(struct tls *t, int fd, int rc)
{
	char unread[4096];
	unsigned int i;

	if (!t->session)
		return;
	(void)!gnutls_alert_send_appropriate(t->session, rc);
	for (i = 0; i < 16 && recv(fd, unread, sizeof(unread), 0) > 0; i++)
		;
}

static int tls_shake_hands(void *self, int fd, short *events, struct vsu_error *err)
{
	struct tls *t = self;
	int rc = t->session ? 0 : make_session(t, fd);

	if (!rc)
		rc = gnutls_handshake(t->session);
	if (!rc)
		return 0;
	if (rc == GNUTLS_E_AGAIN || rc == GNUTLS_E_INTERRUPTED) {
		*events = gnutls_record_get_direction(t->session) ? POLLOUT : POLLIN;
		return -EAGAIN;
	}
	refuse_peer(t, fd, rc);
	if (rc == GNUTLS_E_PREMATURE_TERMINATION || rc == GNUTLS_E_PULL_ERROR ||
	    rc == GNUTLS_E_PUSH_ERROR)
		return vsu_error_set(err, -ECONNRESET, "the other side closed the connection during the TLS handshake");
	explain_failure(t, rc);
	return vsu_error_set(err, -EPROTO, "%s", t->reason);
}

static bool tls_pending(void *self)
{
	const struct tls *t = self;

	return gnutls_record_check_pending(t->session) > 0;
}

const struct vmm_tls_module vmm_tls_module = {
	.version = PACKAGE_VERSION,
	.layer = { tls_send, tls_receive, tls_reason, tls_pending, tls_free },
	.open = tls_open,
	.shake_hands = tls_shake_hands,
};
