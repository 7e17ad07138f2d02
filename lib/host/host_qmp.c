/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/* The connection to a monitor: lines of JSON in both directions, and what became of each command.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_common.h>

#include "host_private.h"
#include "vn_log.h"

/* Read at once; and how often before other events get their turn. */
#define READ_SIZE  (64u << 10)
#define READ_BURST 8

static void
close_fd(struct vn_host *h)
{
	vn_loop_cancel(h->loop, &h->timer);
	vn_loop_cancel(h->loop, &h->cmd_timer);
	vn_loop_cancel(h->loop, &h->refresh);
	h->refreshing = false;
	if (h->fd >= 0) {
		vn_loop_del_fd(h->loop, &h->src);
		close(h->fd);
		h->fd = -1;
		h->closed++;
	}
	free(h->in);
	free(h->out);
	h->in = h->out = NULL;
	h->in_len = h->in_room = h->out_len = 0;
}

void
host_forget_cmds(struct vn_host *h)
{
	struct host_cmd *c;

	close_fd(h);
	while ((c = TAILQ_FIRST(&h->cmds)) != NULL) {
		TAILQ_REMOVE(&h->cmds, c, next);
		free(c);
	}
	h->n_cmds = 0;
}

/* Commands that will get no answer. A callback may begin nothing: we are down. */
static void
fail_cmds(struct vn_host *h)
{
	const struct host_reply lost = {.rc = -ENOTCONN, .reason = h->why};
	struct host_cmd *c;

	while ((c = TAILQ_FIRST(&h->cmds)) != NULL) {
		TAILQ_REMOVE(&h->cmds, c, next);
		h->n_cmds--;
		c->cb(c->ctx, &lost);
		free(c);
	}
}

static void
set_why(struct vn_host *h, const char *text)
{
	if (strcmp(h->why, text) != 0) {
		snprintf(h->why, sizeof(h->why), "%s", text);
		h->said = false;
	}
	/* Each reason once, not at each attempt. */
	if (!h->said)
		VN_INFO("VM %s: %s", h->conf.name, h->why);
	h->said = true;
}

void
host_lose(struct vn_host *h, const char *fmt, ...)
{
	char text[HOST_TEXT_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	h->state = HOST_DOWN;
	close_fd(h);
	set_why(h, text);
	/* First the timer: what the callbacks do may bring the next attempt forward. */
	vn_loop_arm(h->loop, &h->timer, h->times.retry);
	fail_cmds(h);
	host_ops_lost(h);
}

static void
cmd_late(void *ctx)
{
	struct vn_host *h = ctx;

	/* What it still does with the command nobody knows: begin anew. */
	host_lose(h, "QEMU does not answer its monitor");
	host_ops_fail(h);
}

static int
flush(struct vn_host *h)
{
	ssize_t n;

	while (h->out_len > 0) {
		n = send(h->fd, h->out, h->out_len, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			break;
		h->out_len -= (size_t)n;
		memmove(h->out, h->out + n, h->out_len);
	}
	if (h->out_len > 0 && errno != EAGAIN)
		return -errno;
	return vn_loop_mod_fd(h->loop, &h->src, EPOLLIN | (h->out_len > 0 ? EPOLLOUT : 0));
}

int
host_send(struct vn_host *h, const char *command, json_t *args, host_reply_cb cb, void *ctx)
{
	struct host_cmd *c = calloc(1, sizeof(*c));
	const uint64_t id = ++h->next_id;
	json_t *msg = json_pack(
		"{s:s, s:o*, s:I}", "execute", command, "arguments", args, "id", (json_int_t)id);
	char *text = msg != NULL ? json_dumps(msg, JSON_COMPACT) : NULL;
	size_t len = text != NULL ? strlen(text) : 0;
	char *out;
	int rc = 0;

	json_decref(msg);
	if (h->state == HOST_DOWN)
		rc = -ENOTCONN;
	else if (c == NULL || text == NULL)
		rc = -ENOMEM;
	else if (h->n_cmds >= HOST_MAX_CMDS || h->out_len + len + 1 > HOST_MAX_OUT)
		rc = -ENOBUFS;
	if (rc == 0) {
		out = realloc(h->out, h->out_len + len + 1);
		if (out == NULL)
			rc = -ENOMEM;
		else
			h->out = out;
	}
	if (rc != 0) {
		free(c);
		free(text);
		return rc;
	}
	memcpy(h->out + h->out_len, text, len);
	h->out[h->out_len + len] = '\n';
	h->out_len += len + 1;
	free(text);
	*c = (struct host_cmd){.id = id, .cb = cb, .ctx = ctx};
	TAILQ_INSERT_TAIL(&h->cmds, c, next);
	h->n_cmds++;
	if (!h->cmd_timer.armed)
		vn_loop_arm(h->loop, &h->cmd_timer, h->times.command);
	/* An error here shows as an event of the descriptor, too: nobody is called from here. */
	flush(h);
	return 0;
}

/* The answer to a command. */
static void
take_answer(struct vn_host *h, const json_t *msg)
{
	const json_t *id = json_object_get(msg, "id"), *ret = json_object_get(msg, "return");
	const json_t *error = json_object_get(msg, "error");
	const char *desc = json_string_value(json_object_get(error, "desc"));
	char safe[HOST_TEXT_LEN];
	const struct host_reply reply = {
		.rc = ret != NULL ? 0 : -EREMOTEIO,
		.ret = ret,
		.reason = host_safe(safe, sizeof(safe), desc != NULL ? desc : "no reason given"),
	};
	struct host_cmd *c;

	TAILQ_FOREACH (c, &h->cmds, next) {
		if (json_is_integer(id) && (uint64_t)json_integer_value(id) == c->id)
			break;
	}
	if (c == NULL) {
		VN_DBG("VM %s: an answer to nothing", h->conf.name);
		return;
	}
	TAILQ_REMOVE(&h->cmds, c, next);
	h->n_cmds--;
	vn_loop_cancel(h->loop, &h->cmd_timer);
	if (h->n_cmds > 0)
		vn_loop_arm(h->loop, &h->cmd_timer, h->times.command);
	c->cb(c->ctx, &reply);
	free(c);
}

static void
agreed(void *ctx, const struct host_reply *reply)
{
	struct vn_host *h = ctx;

	if (reply->rc == -ENOTCONN)
		return;
	if (reply->rc != 0) {
		host_lose(h, "the monitor refuses us: %s", reply->reason);
		host_ops_fail(h);
		return;
	}
	vn_loop_cancel(h->loop, &h->timer);
	h->why[0] = '\0';
	h->said = false;
	h->connections++;
	h->state = HOST_SYNCING;
	VN_INFO("VM %s: connected to the monitor of QEMU %s", h->conf.name, h->version_text);
	host_sync(h);
}

static void
take_greeting(struct vn_host *h, const json_t *greeting)
{
	const json_t *q = json_object_get(json_object_get(greeting, "version"), "qemu");
	static const char *const part[] = {"major", "minor", "micro"};

	for (unsigned int i = 0; i < RTE_DIM(part); i++) {
		const json_int_t n = json_integer_value(json_object_get(q, part[i]));

		h->version[i] = n >= 0 && n < 10000 ? (int)n : 0;
	}
	snprintf(h->version_text, sizeof(h->version_text), "%d.%d.%d", h->version[0], h->version[1],
		h->version[2]);
	if (host_send(h, "qmp_capabilities", NULL, agreed, h) != 0)
		host_lose(h, "out of memory");
}

/* @return 0, or -EPROTO: it speaks something else. */
static int
take_line(struct vn_host *h, const char *line, size_t len)
{
	json_t *msg = json_loadb(line, len, 0, NULL);
	const json_t *greeting = json_object_get(msg, "QMP");
	const char *event = json_string_value(json_object_get(msg, "event"));
	int rc = 0;

	if (!json_is_object(msg) ||
		(h->state == HOST_GREETING && h->next_id == 0 && !json_is_object(greeting)))
		rc = -EPROTO;
	else if (greeting != NULL && h->state == HOST_GREETING && h->next_id == 0)
		take_greeting(h, greeting);
	else if (event != NULL)
		host_event(h, event, json_object_get(msg, "data"));
	else if (greeting == NULL)
		take_answer(h, msg);
	json_decref(msg);
	return rc;
}

/* Take all whole lines. @return false: the connection is not what it was. */
static bool
take_lines(struct vn_host *h)
{
	const uint64_t closed = h->closed;
	size_t done = 0;
	char *end;

	while ((end = memchr(h->in + done, '\n', h->in_len - done)) != NULL) {
		const size_t len = (size_t)(end - (h->in + done));
		const size_t blank = strspn(h->in + done, " \t\r");
		/* Callbacks may end the connection, and with it the buffer. */
		char *line = strndup(h->in + done, len);

		done += len + 1;
		if (line == NULL) {
			host_lose(h, "out of memory");
			return false;
		}
		if (blank < len && take_line(h, line, len) != 0)
			host_lose(h, "%.108s is not the monitor of a QEMU (QMP)", h->conf.qmp);
		free(line);
		if (h->closed != closed)
			return false;
	}
	h->in_len -= done;
	memmove(h->in, h->in + done, h->in_len);
	return true;
}

static void
read_some(struct vn_host *h)
{
	for (unsigned int i = 0; i < READ_BURST; i++) {
		ssize_t n;

		/* One byte more, for a NUL: it ends strspn() and the like. */
		if (h->in_room - h->in_len < READ_SIZE + 1) {
			char *in = realloc(h->in, h->in_len + 2 * READ_SIZE);

			if (in == NULL || h->in_len > HOST_MAX_LINE) {
				h->in = in != NULL ? in : h->in;
				host_lose(h, "the monitor's answer is too long");
				return;
			}
			h->in = in;
			h->in_room = h->in_len + 2 * READ_SIZE;
		}
		n = recv(h->fd, h->in + h->in_len, READ_SIZE, MSG_DONTWAIT);
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			const bool was_up = h->state == HOST_UP;

			host_lose(h, "the monitor's connection is closed%s%s", n < 0 ? ": " : "",
				n < 0 ? strerror(errno) : "");
			/* Has the VM ended? The socket tells. */
			if (was_up)
				host_connect(h);
			return;
		}
		h->in_len += (size_t)n;
		h->in[h->in_len] = '\0';
		if (memchr(h->in + h->in_len - n, '\n', (size_t)n) != NULL && !take_lines(h))
			return;
	}
}

static void
on_event(void *ctx, uint32_t events)
{
	struct vn_host *h = ctx;

	if ((events & EPOLLOUT) != 0 && flush(h) != 0)
		events |= EPOLLIN; /* the reason comes by recv() */
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0)
		read_some(h);
}

static void
greeting_late(struct vn_host *h)
{
	host_lose(h,
		"%.108s does not greet: another client has this monitor? Give us one of our own",
		h->conf.qmp);
	host_ops_fail(h);
}

static void
timer_due(void *ctx)
{
	struct vn_host *h = ctx;

	if (h->state == HOST_GREETING)
		greeting_late(h);
	else
		host_connect(h);
}

void
host_connect(struct vn_host *h)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	char text[HOST_TEXT_LEN];
	int fd, err = 0;

	if (h->state != HOST_DOWN)
		return;
	vn_loop_cancel(h->loop, &h->timer);
	h->timer.cb = timer_due;
	h->timer.ctx = h;
	h->cmd_timer.cb = cmd_late;
	h->cmd_timer.ctx = h;
	memcpy(addr.sun_path, h->conf.qmp, sizeof(addr.sun_path));
	addr.sun_path[sizeof(addr.sun_path) - 1] = '\0';
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&addr, sizeof(addr)) != 0)
		err = errno;
	if (err == 0) {
		h->src.cb = on_event;
		h->src.ctx = h;
		err = -vn_loop_add_fd(h->loop, &h->src, fd, EPOLLIN);
	}
	if (err == 0) {
		h->fd = fd;
		h->state = HOST_GREETING;
		h->next_id = 0;
		vn_loop_arm(h->loop, &h->timer, h->times.greeting);
		return;
	}
	if (fd >= 0)
		close(fd);
	snprintf(text, sizeof(text), "no monitor at %.108s: %s%s", h->conf.qmp, strerror(err),
		err == ENOENT || err == ECONNREFUSED ? " (the VM does not run?)" : "");
	set_why(h, text);
	vn_loop_arm(h->loop, &h->timer, h->times.retry);
	if (err == ENOENT || err == ECONNREFUSED)
		host_vm_gone(h);
	else
		host_ops_fail(h);
}
