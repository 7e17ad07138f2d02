/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 *
 * Sources: what a poller looks at beside the queue pairs of devices.
 */
#include <sys/epoll.h>

#include "poller_private.h"

void
vn_poller_attach_source(struct vn_poller *p, struct vn_poll_source *src)
{
	struct epoll_event ev = {.events = EPOLLIN, .data.u64 = (uintptr_t)src | EV_SOURCE};

	for (unsigned int i = 0; i < src->n_fds; i++) {
		if (epoll_ctl(p->epfd, EPOLL_CTL_ADD, src->fd[i], &ev) == 0)
			continue;
		while (i-- > 0)
			epoll_ctl(p->epfd, EPOLL_CTL_DEL, src->fd[i], NULL);
		src->n_fds = 0;
	}
	TAILQ_INSERT_TAIL(&p->sources, src, next);
	p->touched = true; /* no pair has to do with it */
}

void
vn_poller_detach_source(struct vn_poller *p, struct vn_poll_source *src)
{
	for (unsigned int i = 0; i < src->n_fds; i++)
		epoll_ctl(p->epfd, EPOLL_CTL_DEL, src->fd[i], NULL);
	TAILQ_REMOVE(&p->sources, src, next);
	p->touched = true;
}

unsigned int
poll_sources(struct vn_poller *p)
{
	struct vn_poll_source *src;
	unsigned int moved = 0;

	TAILQ_FOREACH (src, &p->sources, next)
		moved += src->poll(src);
	return moved;
}

bool
poll_sources_arm(struct vn_poller *p, uint64_t *timeout_ns)
{
	struct vn_poll_source *src;
	bool work = false;

	TAILQ_FOREACH (src, &p->sources, next) {
		work |= src->arm(src, true);
		if (src->n_fds == 0)
			*timeout_ns = RTE_MIN(*timeout_ns, TIMED_SLEEP_NS);
	}
	return work;
}

void
poll_sources_disarm(struct vn_poller *p)
{
	struct vn_poll_source *src;

	TAILQ_FOREACH (src, &p->sources, next)
		src->arm(src, false);
}
