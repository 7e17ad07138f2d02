/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * handover SOCKET REPRESENTOR PAIRS [packed]: serves one device on SOCKET, by a process of its own.
 * Lines on the standard input: give  a second process starts, and the first hands the connection to
 * it kill  the process is killed (SIGKILL), and a second one goes on from what is there Each is
 * answered with "serving N", N counting the processes. Ends at the end of the input.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "handover.h"
#include "vn_vfu_hold.h"

/** Any answer of a server comes within so long; the machine may be busy. */
#define PATIENCE_MS 60000

/** A server's ends of its two sockets; above all that we ever open before. */
#define CHILD_CONTROL 1000
#define CHILD_KEEPER  1001

struct child {
	pid_t pid;
	int control, keeper;
};

static void
die(const char *what)
{
	fprintf(stderr, "handover: %s (%s)\n", what, strerror(errno));
	exit(1);
}

static void
pair(int fd[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) != 0)
		die("socketpair");
}

/* Note what the server lets us keep. @return false: it has gone. */
static bool
keep(struct vn_vfu_hold *hold, int keeper)
{
	int rc;

	while ((rc = vn_vfu_hold_recv(hold, keeper)) == VN_VFU_CHANGED)
		;
	if (rc != 0 && rc != -EAGAIN)
		die("the server sends nonsense to its keeper");
	return rc == -EAGAIN;
}

static char
hear(const struct child *c, struct vn_vfu_hold *hold)
{
	struct pollfd fds[] = {{c->control, POLLIN, 0}, {c->keeper, POLLIN, 0}};
	char word;

	for (;;) {
		if (poll(fds, 2, PATIENCE_MS) <= 0)
			die("no answer from the server");
		if (fds[1].revents != 0 && !keep(hold, c->keeper))
			fds[1].fd = -1;
		if (fds[0].revents == 0)
			continue;
		if (recv(c->control, &word, 1, 0) != 1)
			die("the server has ended");
		return word;
	}
}

static void
expect(const struct child *c, struct vn_vfu_hold *hold, char word)
{
	if (hear(c, hold) != word)
		die("unexpected word from the server");
}

static void
start(struct child *c, const struct handover_args *args, bool take)
{
	int control[2], keeper[2];

	pair(control);
	pair(keeper);
	fflush(stdout);
	c->pid = fork();
	if (c->pid < 0)
		die("fork");
	if (c->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		/* Nothing of ours is the server's: a socket is over when its owner has gone. */
		if (dup3(control[1], CHILD_CONTROL, 0) < 0 || dup3(keeper[1], CHILD_KEEPER, 0) < 0)
			die("dup3");
		close_range(STDERR_FILENO + 1, CHILD_CONTROL - 1, 0);
		close(STDIN_FILENO);
		fcntl(CHILD_KEEPER, F_SETFL, O_NONBLOCK);
		_exit(handover_serve(args, CHILD_CONTROL, CHILD_KEEPER, take));
	}
	close(control[1]);
	close(keeper[1]);
	c->control = control[0];
	c->keeper = keeper[0];
	fcntl(c->keeper, F_SETFL, O_NONBLOCK);
}

/* What the server had told its keeper before it ended counts. */
static void
ended(struct child *c, struct vn_vfu_hold *hold, bool killed)
{
	int status;

	if (waitpid(c->pid, &status, 0) != c->pid)
		die("waitpid");
	if (killed ? !WIFSIGNALED(status) : status != 0)
		die("the server ended in another way than it should");
	keep(hold, c->keeper);
	close(c->control);
	close(c->keeper);
}

static void
pass_on(const struct vn_vfu_hold *hold, int control)
{
	struct pollfd fds = {control, POLLOUT, 0};
	unsigned int next = 0;
	int rc;

	while ((rc = vn_vfu_hold_send(hold, control, &next)) == -EAGAIN) {
		if (poll(&fds, 1, PATIENCE_MS) <= 0)
			die("the server does not read");
	}
	if (rc != 0)
		die("the server cannot be given its descriptors");
}

static void
replace(struct child *now, struct vn_vfu_hold *hold, const struct handover_args *args, bool kill_it)
{
	struct vn_vfu_hold given = {0};
	const char give = HANDOVER_GIVE;
	struct child next;
	int rc;

	/* The successor gets ready meanwhile. */
	start(&next, args, true);
	expect(&next, hold, HANDOVER_READY);
	if (kill_it) {
		kill(now->pid, SIGKILL);
		ended(now, hold, true);
	} else {
		if (send(now->control, &give, 1, MSG_NOSIGNAL) != 1)
			die("the server has gone");
		while ((rc = vn_vfu_hold_recv(&given, now->control)) == VN_VFU_CHANGED)
			;
		if (rc != VN_VFU_END)
			die("the server does not give all");
		ended(now, hold, false);
		vn_vfu_hold_fini(hold);
		*hold = given;
	}
	pass_on(hold, next.control);
	expect(&next, hold, HANDOVER_SERVING);
	*now = next;
}

int
main(int argc, char **argv)
{
	struct vn_vfu_hold hold = {0};
	struct handover_args args;
	unsigned int served = 1;
	struct child now;
	char line[16];

	if (argc < 4 || argc > 5) {
		fprintf(stderr, "usage: handover SOCKET REPRESENTOR PAIRS [packed]\n");
		return 2;
	}
	args = (struct handover_args){argv[1], argv[2], (unsigned int)atoi(argv[3]), argc == 5};
	setvbuf(stdin, NULL, _IONBF, 0); /* poll() must see what is there */
	start(&now, &args, false);
	expect(&now, &hold, HANDOVER_READY);
	expect(&now, &hold, HANDOVER_SERVING);
	for (;;) {
		struct pollfd fds[] = {{STDIN_FILENO, POLLIN, 0}, {now.keeper, POLLIN, 0}};

		printf("serving %u\n", served);
		fflush(stdout);
		while (fds[0].revents == 0) {
			if (poll(fds, 2, -1) < 0)
				die("poll");
			if (fds[1].revents != 0 && !keep(&hold, now.keeper))
				die("the server has ended");
		}
		if (fgets(line, sizeof(line), stdin) == NULL)
			break;
		replace(&now, &hold, &args, strcmp(line, "kill\n") == 0);
		served++;
	}
	close(now.control);
	now.control = -1;
	ended(&now, &hold, false);
	vn_vfu_hold_fini(&hold);
	return 0;
}
