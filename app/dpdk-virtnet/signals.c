/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <rte_common.h>

#include "app.h"
#include "vn_guestmem.h"
#include "vn_log.h"
#include "vn_loop.h"
#include "vn_poller.h"

/* Signal handlers have no argument: the one place of global state. */
static struct {
	struct vn_gm_registry *reg;
	struct vn_loop *loop;
} sigbus;

static struct {
	struct vn_fd_source src;
	void (*stop)(void *ctx);
	void *ctx;
} watch;

static void
ending_signals(sigset_t *set)
{
	sigemptyset(set);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGHUP);
}

static void
do_nothing(int sig)
{
	RTE_SET_USED(sig);
}

void
app_signals_block(void)
{
	const struct sigaction interrupts = {.sa_handler = do_nothing};
	sigset_t set;

	ending_signals(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	sigaction(VN_POLLER_SIGNAL, &interrupts, NULL);
}

static void
on_signal(void *ctx, uint32_t events)
{
	struct signalfd_siginfo si;

	RTE_SET_USED(ctx);
	RTE_SET_USED(events);
	while (read(watch.src.fd, &si, sizeof(si)) == sizeof(si)) {
		VN_INFO("signal %s: ending", strsignal(si.ssi_signo));
		watch.stop(watch.ctx);
	}
}

int
app_signals_watch(struct vn_loop *loop, void (*stop)(void *ctx), void *ctx)
{
	sigset_t set;
	int fd, rc;

	ending_signals(&set);
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fd < 0)
		return -errno;
	watch.src = (struct vn_fd_source){.cb = on_signal};
	watch.stop = stop;
	watch.ctx = ctx;
	rc = vn_loop_add_fd(loop, &watch.src, fd, EPOLLIN);
	if (rc != 0)
		close(fd);
	return rc;
}

void
app_signals_unwatch(struct vn_loop *loop)
{
	const int fd = watch.src.fd;

	if (!watch.src.watched)
		return;
	vn_loop_del_fd(loop, &watch.src);
	close(fd);
}

static void
on_sigbus(int sig, siginfo_t *info, void *context)
{
	const int saved = errno;

	RTE_SET_USED(context);
	/* A shrunk file, or a page that the machine's memory lost. */
	if ((info->si_code == BUS_ADRERR || info->si_code == BUS_MCEERR_AR) &&
		vn_gm_sigbus(sigbus.reg, info->si_addr))
		vn_loop_wake(sigbus.loop); /* the control thread looks whose memory that was */
	else
		signal(sig, SIG_DFL); /* not a peer's doing: the access is repeated and ends us */
	errno = saved;
}

void
app_sigbus_install(struct vn_gm_registry *reg, struct vn_loop *loop)
{
	struct sigaction sa = {.sa_sigaction = on_sigbus, .sa_flags = SA_SIGINFO | SA_NODEFER};

	sigbus.reg = reg;
	sigbus.loop = loop;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGBUS, &sa, NULL);
}
