# SPDX-License-Identifier: BSD-3-Clause
# Copyright(c) 2026 the dpdk-virtnet contributors
"""Several tests at a time, in processes of their own; results come in the order of the tests."""

import multiprocessing
import multiprocessing.connection
import os
import struct
import sys

_JOB = struct.Struct("=H")


def _serve(jobs, results, work):
    try:
        while data := os.read(jobs, _JOB.size):
            i = _JOB.unpack(data)[0]
            results.send((i, work(i)))
    except KeyboardInterrupt:
        sys.exit(1)


def run(count, processes, work):
    """Yield work(0), work(1)... work(@count - 1), done by so many @processes."""
    fork = multiprocessing.get_context("fork")
    jobs, write = os.pipe()
    os.write(write, b"".join(map(_JOB.pack, range(count))))  # far less than a pipe holds
    os.close(write)
    started, readers = [], []
    try:
        for _ in range(processes):
            reader, writer = fork.Pipe(duplex=False)
            started.append(fork.Process(target=_serve, args=(jobs, writer, work)))
            started[-1].start()
            writer.close()  # so that the end of the process is the end of the pipe
            readers.append(reader)
        done, first = {}, 0
        while readers:
            for reader in multiprocessing.connection.wait(readers):
                try:
                    i, result = reader.recv()
                except EOFError:
                    readers.remove(reader)
                    continue
                done[i] = result
            while first in done:
                yield done.pop(first)
                first += 1
        if first < count:
            raise RuntimeError("a process that runs tests has ended")
    finally:
        os.close(jobs)
        for p in started:
            if p.is_alive() and readers:  # interrupted: each cleans up after its test
                p.terminate()
            p.join()
