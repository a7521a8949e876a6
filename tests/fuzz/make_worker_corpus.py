#!/usr/bin/env python3
"""Writes tests/fuzz/corpus/worker: programs for fuzz_worker, one idea each.

The numbers are those of Program::step() in fuzz_worker.cc.
"""
from pathlib import Path

CONNECT, PROCEED, RAW, END, RUN, JUMP, REPLAY, FORGE, FORGE_BACKEND, BACKEND = 0, 1, 3, 4, 5, 6, 7, 8, 9, 10
HOSTS, JOBS, DRAIN, SAMPLE, FAULTS = 11, 12, 13, 14, 15


def client(i, version=0, requests=1):
    """Connects, shakes hands and sends requests."""
    program = [CONNECT, PROCEED, i, version]
    for _ in range(3):
        program += [RUN, 40, PROCEED, i, 9]
    return program + [PROCEED, i, 20] * requests + [RUN, 60]


def backend(i, how, length=0):
    return [BACKEND, i, how, length >> 8, length & 0xFF, RUN, 100]


def tls_backend(i, what):
    """The backend goes on with its handshake, or says something of the kind `what` % 8."""
    return backend(i, 4, what)


TLS13, TLS12 = 0, 1
CLOSE_NOTIFY, TICKET, KEY_UPDATE, KEY_UPDATE_REQUESTED, DATA, MORE_DATA = 0, 1, 2, 130, 3, 251

SEND, ABORT, CLOSE, STOP_READING = 2, 0, 1, 3
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16


def forge(i, flags, seq=0, ack=0, window=1000, length=0, op=FORGE):
    program = [op, i, flags]
    for value in (seq, ack, window, 0, length):
        program += [(value >> 8) & 0xFF, value & 0xFF]
    return program


programs = {
    "tls13_page": client(0) + backend(0, SEND, 5000) + backend(0, CLOSE) + [END, 0, 1, RUN, 100],
    "tls12_page": client(0, 1) + backend(0, SEND, 5000) + backend(0, CLOSE) + [END, 0, 1, RUN, 100],
    "close_notify_then_answer": client(0) + [END, 0, 2, RUN, 60] + backend(0, SEND, 9000)
    + backend(0, CLOSE) + [END, 0, 1, RUN, 60],
    "truncation": client(0) + [END, 0, 1, RUN, 60],
    "client_reset": client(0) + [END, 0, 0, RUN, 60],
    "backend_reset": client(0) + backend(0, ABORT),
    "backend_refuses": [HOSTS, 0] + client(0),
    "all_backends_refuse": [HOSTS, 0, HOSTS, 4] + client(0),
    "backends_silent": [HOSTS, 130] + client(0) + [JUMP, 60, JUMP, 60, JUMP, 60],
    "client_vanishes": client(0) + [HOSTS, 131, JUMP, 250, JUMP, 250],
    "slow_reader": client(0) + [END, 0, 3] + backend(0, SEND, 60000) + [JUMP, 200]
    + [END, 0, 131] + [RUN, 200] * 4,
    "slow_backend": client(0) + backend(0, STOP_READING) + [PROCEED, 0, 255] * 6 + [JUMP, 100]
    + backend(0, 131) + [RUN, 200],
    "garbage_hello": [CONNECT, RAW, 0, 9, 0x16, 3, 1, 0, 4, 1, 0, 0, 9, RUN, 50],
    "half_hello": [CONNECT, RAW, 0, 15, 0x16, 3, 1, 0, 10, 1, 0, 1, 0, 3, 3, 1, 2, 3, 4, RUN, 50, JUMP, 250, JUMP, 250],
    "two_half_hellos": [CONNECT, CONNECT] + ([RAW, 0, 15, 0x16, 3, 1, 0, 10, 1, 0, 1, 0, 3, 3, 1, 2, 3, 4, RUN, 9]
    + [RAW, 1, 15, 0x16, 3, 1, 0, 10, 1, 0, 1, 0, 3, 3, 1, 2, 3, 4, RUN, 9]) + [END, 0, 0, RUN, 50, JUMP, 250],
    "not_tls": [CONNECT, RAW, 0, 16] + list(b"GET / HTTP/1.0\r\n") + [RUN, 50],
    "bad_record": client(0) + [RAW, 0, 30, 23, 3, 3, 0, 25] + [7] * 25 + [RUN, 50],
    "job_away_reset": [CONNECT, RUN, 40, JOBS, 1, PROCEED, 0, 0, RUN, 20, END, 0, 0, RUN, 20, JOBS, 0, RUN, 20],
    "job_away_timeout": [CONNECT, RUN, 40, JOBS, 1, PROCEED, 0, 0, RUN, 20, JUMP, 255, JUMP, 255, JUMP, 255, JOBS, 0],
    "many_clients": sum((client(i, i % 2) for i in range(8)), []),
    "jobs_run_out": [JOBS, 1] + [CONNECT] * 8 + sum(([PROCEED, i, 0] for i in range(8)), []) + [RUN, 99, JOBS, 0, RUN, 99],
    "draining": client(0) + [DRAIN, 0, CONNECT, PROCEED, 1, 0, RUN, 50] + backend(0, SEND, 100),
    "blind_reset": client(0) + forge(0, RST, 9) + forge(0, RST, 0) + [RUN, 50],
    "blind_syn": client(0) + forge(0, SYN, 1) + forge(0, SYN | ACK, 0, 0) + [RUN, 50],
    "forged_fin": client(0) + forge(0, FIN | ACK, 1) + forge(0, FIN | ACK) + [RUN, 50],
    "ahead_of_gap": client(0) + forge(0, ACK | PSH, 60, length=50) + forge(0, ACK | PSH, 30, length=50)
    + forge(0, ACK | PSH, 0, length=31) + [RUN, 50],
    "forged_backend_data": client(0) + forge(0, ACK | PSH, 0, length=500, op=FORGE_BACKEND)
    + forge(0, ACK | PSH, 4000, length=1300, op=FORGE_BACKEND) + [RUN, 50],
    "shrinking_window": client(0) + backend(0, SEND, 30000) + forge(0, ACK, 0, 0, 0) + [RUN, 100, JUMP, 100],
    "replays": client(0) + sum(([REPLAY, i, 0] for i in range(16)), []) + [RUN, 50],
    "replays_changed": client(0) + sum(([REPLAY, i, 9, 0, 40 + i, 1] for i in range(12)), []) + [RUN, 50],
    "replay_after_end": client(0) + [END, 0, 0, RUN, 50] + sum(([REPLAY, i, 0] for i in range(16)), []),
    "time_wait_reopened": client(0) + backend(0, CLOSE) + [END, 0, 1, RUN, 99]
    + forge(0, SYN, 40) + forge(0, FIN | ACK, -1 & 0xFFFF) + [JUMP, 255] * 5,
    "local_protocols": sum(([SAMPLE, i, 0] for i in range(17)), []),
    "local_protocols_changed": sum(([SAMPLE, i, 1, 0, 20 + i, 0x80] for i in range(17)), []),
    "bad_link": [FAULTS, 0x3D] + client(0) + backend(0, SEND, 30000) + [RUN, 255] * 8,
    "nic_holds": client(0) + backend(0, SEND, 30000) + [FAULTS, 5] + [RUN, 255] * 8,
}

# With TLS towards the backends, which the fifth bit of the first byte asks for.
secured = {
    "backend_tls13": client(0) + tls_backend(0, TLS13)
    + sum((tls_backend(0, what) for what in (TICKET, DATA, KEY_UPDATE_REQUESTED, MORE_DATA)), [])
    + [PROCEED, 0, 30] + tls_backend(0, CLOSE_NOTIFY) + backend(0, CLOSE) + [END, 0, 1, RUN, 100],
    "backend_tls12": client(0) + tls_backend(0, TLS12) * 2 + tls_backend(0, DATA) + [PROCEED, 0, 30, END, 0, 2, RUN, 60]
    + tls_backend(0, MORE_DATA) + tls_backend(0, CLOSE_NOTIFY) + backend(0, CLOSE) + [RUN, 100],
    "backend_tls_cut_off": client(0) + tls_backend(0, TLS13) + tls_backend(0, MORE_DATA) + backend(0, CLOSE) + [RUN, 100],
    "backend_tls_garbage": client(0) + backend(0, SEND, 500) + tls_backend(1, TLS13) + backend(1, SEND, 90) + [RUN, 50],
    "backend_tls_silent": client(0) + [JUMP, 110, JUMP, 110, JUMP, 110],
    "backend_tls_slow_reader": client(0) + tls_backend(0, TLS13) + [END, 0, 3] + tls_backend(0, MORE_DATA) * 8
    + [JUMP, 100, END, 0, 131] + [RUN, 200] * 4,
    "backend_tls_job_away": client(0)[:-6] + [JOBS, 1] + tls_backend(0, TLS13) + [END, 0, 0, RUN, 50, JOBS, 0, RUN, 50],
    "backend_tls_resumes": (client(0) + tls_backend(0, TLS13) + tls_backend(0, TICKET) + [END, 0, 2, RUN, 50]
                            + client(1) + tls_backend(1, TLS13) + [RUN, 50]),
    "backend_tls_many": sum((client(i, i % 2) for i in range(4)), []) + sum((tls_backend(i, i % 2) for i in range(4)), [])
    + sum((tls_backend(i, MORE_DATA) for i in range(4)), []) + [RUN, 100],
}

directory = Path(__file__).parent / "corpus" / "worker"
directory.mkdir(exist_ok=True)
for name, program in programs.items():
    first = 1 if name == "nic_holds" else 0
    (directory / name).write_bytes(bytes([first] + program))
for name, program in secured.items():
    (directory / name).write_bytes(bytes([16] + program))
