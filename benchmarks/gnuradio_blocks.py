#!/usr/bin/python3
"""How fast blocks of GNU Radio are, for `throughput.py --peers`, which starts this under the Python that has GNU Radio.

    gnuradio_blocks.py FOLDER       inputs are FOLDER/*.npy; answers each line of standard input with one of JSON
    speed NAME                      millions of items a second: of the block alone, and with the scheduler
    once NAME                       what comes out for the input twice over

All is on one processor: a source that repeats the input, the block or blocks, a sink that does nothing. What counts is
processor time of the blocks' threads while so many items go into the first. In that a thread also wakes, waits, and
asks for room, and the sink's does nothing else: without the scheduler is less as much as that takes for each block.
"""

import json
import os
import sys
import time
from functools import partial
from pathlib import Path

import numpy as np
import pmt
from gnuradio import analog, blocks, digital, fec, filter, gr

INPUTS = Path(sys.argv[1])
RATE_HALF = fec.cc_decoder.make(8192, 7, 2, [79, -109], 0, -1, fec.CC_STREAMING, False)
"""CCSDS: 171 first, 133 inverted; GNU Radio has the taps in the other order."""


def makers():
    """Of each name: type of the source, its input, and what makes the blocks."""
    bank = np.load(INPUTS / "bank.npy")
    # each phase's taps run backwards in time in Radome, and phases forwards
    prototype = bank[:-1].T[::-1].ravel().tolist()
    c, f, b = blocks.vector_source_c, blocks.vector_source_f, blocks.vector_source_b
    yield "interleaved_char_to_complex", b, "raw", lambda: [blocks.interleaved_char_to_complex(False, 128.0)]
    yield "rotator_cc", c, "iq", lambda: [blocks.rotator_cc(0.06)]
    for path in INPUTS.glob("taps *.npy"):
        length, taps = path.stem.split()[1], np.load(path).tolist()
        for factor in (4, 10):
            fir = partial(filter.fir_filter_ccf, factor, taps)
            shifted = partial(filter.freq_xlating_fir_filter_ccf, factor, taps, 0.01, 1.0)
            yield f"fir_filter_ccf {length} {factor}", c, "iq", lambda fir=fir: [fir()]
            yield f"freq_xlating_fir_filter_ccf {length} {factor}", c, "iq", lambda shifted=shifted: [shifted()]
    yield "pfb_arb_resampler_ccf", c, "iq", lambda: [filter.pfb_arb_resampler_ccf(0.8, prototype, len(bank) - 1)]
    yield "quadrature_demod_cf", c, "iq", lambda: [analog.quadrature_demod_cf(1.0)]
    yield "symbol_sync_ff", f, "shaped", lambda: [symbol_sync()]
    yield "clock_recovery_mm_ff", f, "shaped", lambda: [digital.clock_recovery_mm_ff(4.0, 1e-4, 0.5, 0.02, 0.005)]
    access_code = partial(digital.correlate_access_code_tag_ff, f"{0x1ACFFC1D:032b}", 4, "sync")
    yield "correlate_access_code_tag_ff", f, "shaped", lambda: [access_code()]
    yield "cc_decoder", b, "coded", lambda: [fec.decoder(RATE_HALF, 1, 1)]
    yield "hdlc_deframer", b, "line", hdlc


def hdlc():
    """G3RUH's descrambler, NRZI, frames."""
    unscrambled, changes = digital.descrambler_bb(0x21, 0, 16), digital.diff_decoder_bb(2)
    return [unscrambled, changes, digital.map_bb([1, 0]), digital.hdlc_deframer_bp(10, 2048)]


def symbol_sync():
    resampler = digital.IR_MMSE_8TAP
    slicer = digital.constellation_bpsk().base()
    return digital.symbol_sync_ff(digital.TED_GARDNER, 4.0, 0.03, 1.0, 1.0, 0.1, 1, slicer, resampler, 32, [])


def graph(source, chain):
    """Source, blocks and a sink; the last block may give messages only."""
    top, streams = gr.top_block(), [block for block in chain if block.output_signature().max_streams()]
    sink = blocks.null_sink((streams or [source])[-1].output_signature().sizeof_stream_item(0))
    top.connect(source, *streams, sink)
    if len(streams) < len(chain):
        top.connect(streams[-1], chain[-1])
    return top, sink


def processor_times():
    """Nanoseconds of processor time of each thread of GNU Radio's in this process, with its name."""
    threads = [t for t in Path("/proc/self/task").iterdir() if t.name != str(os.getpid())]
    return {((t / "comm").read_text(), t.name): int((t / "schedstat").read_text().split()[0]) for t in threads}


def speed(make, source, values, settle=0.1, seconds=0.3):
    """Millions of items a second."""
    chain = make()
    top, _ = graph(source(values, True), chain)
    top.start()
    time.sleep(settle)
    begun, items = processor_times(), chain[0].nitems_read(0)
    time.sleep(seconds)
    ended, items = processor_times(), chain[0].nitems_read(0) - items
    top.stop()
    top.wait()
    took = {"vector_source": 0, "null_sink": 0, "": 0}
    for thread, time_ in ended.items():
        took[next(name for name in took if thread[0].startswith(name))] += time_ - begun.get(thread, 0)
    alone = took[""] - len(chain) * took["null_sink"]
    return [items / alone * 1e3, items / took[""] * 1e3]


def once(make, source, values):
    """What the blocks give for the input twice over: real and imaginary parts of complex values, messages in hex."""
    chain = make()
    end = chain[-1]
    top, _ = graph(source(2 * values, False), chain)
    if not end.output_signature().max_streams():
        messages = blocks.message_debug()
        top.msg_connect(end, "out", messages, "store")
        top.run()
        given = (pmt.cdr(messages.get_message(i)) for i in range(messages.num_messages()))
        return [bytes(pmt.u8vector_elements(message)).hex() for message in given]
    sinks = {1: blocks.vector_sink_b, 4: blocks.vector_sink_f, 8: blocks.vector_sink_c}
    sink = sinks[end.output_signature().sizeof_stream_item(0)]()
    top.connect(end, sink)
    top.run()
    values = np.array(sink.data())
    return (values.astype(np.complex64).view(np.float32) if values.dtype.kind == "c" else values).tolist()


def main():
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    # GNU Radio's log goes to standard output
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    made = {name: (make, source, np.load(INPUTS / f"{x}.npy").tolist()) for name, source, x, make in makers()}
    for line in sys.stdin:
        what, _, name = line.strip().partition(" ")
        answer = (speed if what == "speed" else once)(*made[name])
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
