/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl_private.h"

/** Our commands are below this path. */
#define PREFIX "/virtnet/"

/** The key of an answer: the request's path, made printable. */
static const char *
request_path(char buf[CTL_MAX_PATH], const char *request, size_t len)
{
	const char *comma = memchr(request, ',', len);

	return ctl_safe(
		buf, CTL_MAX_PATH, request, comma != NULL ? (size_t)(comma - request) : len);
}

/** Print and free @p doc; NULL stands for lack of memory. */
static char *
print(json_t *doc)
{
	char *text = doc != NULL ? json_dumps(doc, 0) : NULL;

	json_decref(doc);
	return text;
}

char *
ctl_failed(int error, const char *text)
{
	return print(ctl_error(error, text));
}

char *
ctl_finish(const char *path, json_t *value, const struct ctl_reply *reply)
{
	struct ctl_obj o = ctl_obj_begin();

	ctl_put(&o, path, value);
	if (reply->more)
		ctl_put_num(&o, "next_cursor", reply->next_cursor);
	return print(ctl_obj_end(&o));
}

json_t *
ctl_info(const struct vn_ctl *ctl)
{
	struct ctl_obj o = ctl_obj_begin();

	ctl_put_str(&o, "version", ctl->version);
	ctl_put_num(&o, "pid", (uint64_t)getpid());
	ctl_put_num(&o, "max_output_len", VN_CTL_MAX_OUTPUT);
	return ctl_obj_end(&o);
}

/** "/": all paths that can be requested. */
static json_t *
list_paths(void)
{
	static const char *const own[] = {"/", "/help", "/info"};
	json_t *array = json_array();
	unsigned int i, failed = 0;
	char path[64];

	for (i = 0; i < RTE_DIM(own); i++)
		failed |= json_array_append_new(array, json_string(own[i])) != 0;
	for (i = 0; i < ctl_n_commands; i++) {
		snprintf(path, sizeof(path), PREFIX "%s", ctl_commands[i].name);
		failed |= json_array_append_new(array, json_string(path)) != 0;
	}
	if (!failed)
		return array;
	json_decref(array);
	return NULL;
}

static const struct ctl_command *
find_command(const char *name, size_t len)
{
	unsigned int i;

	for (i = 0; i < ctl_n_commands; i++) {
		if (strlen(ctl_commands[i].name) == len &&
			memcmp(ctl_commands[i].name, name, len) == 0)
			return &ctl_commands[i];
	}
	return NULL;
}

/** "/help,/virtnet/query" or "/help,query"; NULL: no such command, or no memory. */
static json_t *
help(const char *text, size_t len)
{
	const struct ctl_command *cmd;
	size_t skip = strlen(PREFIX);
	struct ctl_obj o;
	char buf[1024];

	if (len == 0)
		return json_string("/help,/virtnet/COMMAND explains a command; / lists them");
	if (len > skip && memcmp(text, PREFIX, skip) == 0) {
		text += skip;
		len -= skip;
	}
	cmd = find_command(text, len);
	if (cmd == NULL)
		return NULL;
	snprintf(buf, sizeof(buf), "%s. Parameters: %s", cmd->help, cmd->usage);
	o = ctl_obj_begin();
	ctl_put_str(&o, cmd->name, buf);
	return ctl_obj_end(&o);
}

struct ctl_pending *
ctl_defer(struct ctl_reply *reply)
{
	struct ctl_pending *p = calloc(1, sizeof(*p));

	if (p != NULL)
		p->in_handler = true;
	reply->pending = p;
	return p;
}

void
ctl_complete(struct ctl_pending *p, json_t *value)
{
	if (p->in_handler) {
		p->completed = true;
		p->value = value;
		return;
	}
	if (p->client != NULL) {
		p->client->pending = NULL;
		ctl_answer(p->client, p->path, value);
	} else {
		json_decref(value);
	}
	free(p);
}

/* The handler has put off its answer, which may have come meanwhile. */
static char *
deferred(struct ctl_pending *p, const char *path, struct ctl_pending **pending)
{
	const struct ctl_reply plain = {0};
	json_t *value = p->value;

	p->in_handler = false;
	if (!p->completed) {
		snprintf(p->path, sizeof(p->path), "%s", path);
		*pending = p;
		return NULL;
	}
	free(p);
	return ctl_finish(path, value, &plain);
}

static char *
run(struct vn_ctl *ctl, const struct ctl_command *cmd, const char *path, const char *params,
	size_t len, struct ctl_pending **pending)
{
	struct ctl_reply reply = {0};
	struct ctl_args args;
	char err[256] = "";
	json_t *value;
	int rc;

	rc = ctl_args_parse(cmd, params, len, &args, err, sizeof(err));
	if (rc != 0)
		return ctl_failed(rc, err);
	value = cmd->handler(ctl, &args, &reply);
	ctl_args_free(&args);
	if (reply.pending != NULL)
		return deferred(reply.pending, path, pending);
	return ctl_finish(path, value, &reply);
}

char *
ctl_request(struct vn_ctl *ctl, const char *request, size_t len, struct ctl_pending **pending)
{
	const char *comma = memchr(request, ',', len);
	size_t path_len = comma != NULL ? (size_t)(comma - request) : len;
	const char *params = comma != NULL ? comma + 1 : request + len;
	size_t params_len = len - (size_t)(params - request);
	const struct ctl_reply plain = {0};
	const size_t skip = strlen(PREFIX);
	const struct ctl_command *cmd;
	char path[CTL_MAX_PATH];
	json_t *value = NULL;

	*pending = NULL;
	request_path(path, request, len);
	if (path_len > skip && memcmp(request, PREFIX, skip) == 0) {
		cmd = find_command(request + skip, path_len - skip);
		if (cmd != NULL)
			return run(ctl, cmd, path, params, params_len, pending);
	}
	if (path[0] != '/')
		return ctl_failed(-EINVAL, "a request begins with /virtnet/COMMAND");
	if (strcmp(path, "/") == 0)
		value = list_paths();
	else if (strcmp(path, "/help") == 0)
		value = help(params, params_len);
	else if (strcmp(path, "/info") == 0)
		value = ctl_info(ctl);
	if (value == NULL)
		return ctl_failed(-ENOENT, "no such command; the request / lists them");
	return ctl_finish(path, value, &plain);
}
