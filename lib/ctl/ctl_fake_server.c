/* SPDX-License-Identifier: BSD-3-Clause
 * Copyright(c) 2026 the dpdk-virtnet contributors
 */

/*
 * ctl_fake_server DIR INVENTORY: the control socket on a hand-made inventory (ctl_fake.h), for
 * tests of the CLI. Says "ready", and ends when its standard input does.
 */

#include <stdio.h>
#include <sys/epoll.h>

#include "ctl_fake.h"
#include "vn_ctl.h"
#include "vn_loop.h"

static void
stdin_event(void *ctx, uint32_t events)
{
	(void)events;
	vn_loop_stop(ctx);
}

int
main(int argc, char **argv)
{
	struct vn_fd_source src = {.cb = stdin_event};
	struct vn_ctl_conf conf = {.version = "24.10.17"};
	struct vn_ctl *ctl = NULL;
	struct vn_loop *loop;
	struct fake *f;
	char err[256];
	int rc = 1;

	if (argc != 3) {
		fprintf(stderr, "usage: %s DIR INVENTORY\n", argv[0]);
		return 1;
	}
	f = fake_create(argv[2]);
	conf.dir = argv[1];
	conf.controller = &f->ctrl;
	conf.pollers = &f->pollers;
	loop = vn_loop_create();
	src.ctx = loop;
	if (vn_ctl_create(loop, &conf, &ctl, err, sizeof(err)) != 0) {
		fprintf(stderr, "%s\n", err);
	} else if (vn_loop_add_fd(loop, &src, 0, EPOLLIN) == 0) {
		puts("ready");
		fflush(stdout);
		rc = vn_loop_run(loop) != 0;
	}
	vn_loop_del_fd(loop, &src);
	vn_ctl_destroy(ctl);
	vn_loop_destroy(loop);
	fake_destroy(f);
	return rc;
}
