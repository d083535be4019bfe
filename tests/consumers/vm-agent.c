/* SPDX-License-Identifier: Apache-2.0 OR BSD-3-Clause */
/* A user of an installed libvm-agent, in the common part of C99 and C++11. */
#include <errno.h>
#include <string.h>

#include <vm-agent/initrd.h>
#include <vm-agent/request.h>
#include <vm-agent/session.h>
#include <vm-agent/version.h>

int main(void)
{
	const char *words[2];
	struct vagent_session_config config;
	struct vagent_command command;
	struct vagent_request request;
	struct vagent_session *session = NULL;
	int rc;

	memset(&config, 0, sizeof(config));
	memset(&command, 0, sizeof(command));
	memset(&request, 0, sizeof(request));
	words[0] = "true";
	words[1] = NULL;
	command.size = sizeof(command);
	command.words = words;
	rc = vagent_request_add_command(&request, &command, NULL);
	config.size = sizeof(config);
	config.request = request.records;
	config.request_len = request.len;
	config.in = config.out = config.err = -1;
	if (!rc)
		rc = vagent_session_new(&session, &config, NULL);
	if (!rc && vagent_session_status(session, NULL) != -EAGAIN)
		rc = 1;
	vagent_session_free(session);
	vagent_request_free(&request);
	return rc || !vagent_initrd_driver("fs") || !strlen(vagent_version());
}
