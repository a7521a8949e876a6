// What lib/tcp costs per segment.  A SYN -> SYN-ACK through the worker has about 60 ns in all.
#include <benchmark/benchmark.h>

#include "lib/tcp/input.h"
#include "lib/tcp/open.h"
#include "lib/tcp/output.h"
#include "lib/tcp/sender.h"
#include "lib/tcp/syn_cookie.h"
#include "tests/support/chunk_queue.h"

namespace sallyport::tcp {
namespace {

const CookieKeys kKeys{.epoch = 2, .current = {0x0123, 0x4567}, .adjacent = {0x89ab, 0xcdef}};
const SynAckParameters kOurs{.our_mss = 1460, .receive_buffer = 65'536};
constexpr WallTime kNow{1'700'000'000'000};

FourTuple tuple_of(bool v4) {
  if (v4) {
    return {{IpAddress::v4({198, 18, 0, 10}), 443}, {IpAddress::v4({198, 18, 0, 99}), 50'000}};
  }
  return {{*parse_ip("2001:db8::10"), 443}, {*parse_ip("2001:db8::99"), 50'000}};
}

Segment syn_of(bool timestamps) {
  Segment syn;
  syn.flags = kSyn;
  syn.seq = {4711};
  syn.window = 64'240;
  syn.options.mss = 1460;
  syn.options.has_window_scale = true;
  syn.options.window_scale = 7;
  syn.options.sack_permitted = true;
  syn.options.has_timestamps = timestamps;
  return syn;
}

// Arguments of all: IPv4 (1) or IPv6 (0), with timestamps (1) or without (0).
void BM_MakeSynAck(benchmark::State& state) {
  FourTuple tuple = tuple_of(state.range(0) != 0);
  Segment syn = syn_of(state.range(1) != 0);
  for (auto _ : state) {
    // Each iteration another client, as in a flood.
    ++tuple.remote.port;
    syn.seq += 97;
    benchmark::DoNotOptimize(make_syn_ack(tuple, syn, kOurs, kKeys, kNow));
  }
}
BENCHMARK(BM_MakeSynAck)->ArgsProduct({{1, 0}, {0, 1}});

void BM_RefuseAck(benchmark::State& state) {
  FourTuple tuple = tuple_of(state.range(0) != 0);
  Segment ack;
  ack.flags = kAck;
  ack.options.has_timestamps = state.range(1) != 0;
  for (auto _ : state) {
    ++tuple.remote.port;
    ack.seq += 97;
    ack.ack += 1'000'003;
    ack.options.tsecr += 65'537;
    benchmark::DoNotOptimize(check_cookie(tuple, ack, kKeys, kNow));
  }
}
BENCHMARK(BM_RefuseAck)->ArgsProduct({{1, 0}, {0, 1}});

void BM_AcceptAndOpen(benchmark::State& state) {
  const FourTuple tuple = tuple_of(state.range(0) != 0);
  const Segment syn_ack = make_syn_ack(tuple, syn_of(state.range(1) != 0), kOurs, kKeys, kNow);
  Segment data;
  data.flags = kAck | kPsh;
  data.seq = {4712};
  data.ack = syn_ack.seq + 1;
  data.payload_len = 517;
  data.options.has_timestamps = syn_ack.options.has_timestamps;
  data.options.tsecr = syn_ack.options.tsval;
  const Instant now{1'000'000};
  for (auto _ : state) {
    const auto cookie = check_cookie(tuple, data, kKeys, kNow);
    if (!cookie) return state.SkipWithError("cookie refused");
    Tcb tcb = open_passive(tuple, data, *cookie, kOurs, now);
    benchmark::DoNotOptimize(segment_arrives(tcb, data, now));
  }
}
BENCHMARK(BM_AcceptAndOpen)->ArgsProduct({{1, 0}, {0, 1}});

// One segment of a bulk download goes out and is acknowledged.
void BM_SendAndAcknowledge(benchmark::State& state) {
  const FourTuple tuple = tuple_of(true);
  const Segment syn_ack = make_syn_ack(tuple, syn_of(false), kOurs, kKeys, kNow);
  Segment ack;
  ack.flags = kAck;
  ack.seq = {4712};
  ack.ack = syn_ack.seq + 1;
  ack.window = 60'000;
  const Instant now{1'000'000};
  const auto cookie = check_cookie(tuple, ack, kKeys, kNow);
  Tcb tcb = open_passive(tuple, ack, *cookie, kOurs, now);
  testing::ChunkQueue queue{tcb.snd_nxt};
  for (auto _ : state) {
    queue.push(1460);
    const Transmission t = next_transmission(tcb, queue, now);
    benchmark::DoNotOptimize(transmit(tcb, queue, t, now));
    ack.ack += t.len;
    Arrival arrival = segment_arrives(tcb, ack, now);
    process_ack(tcb, queue, ack, arrival, now);
    queue.acknowledge(tcb.snd_una);
    benchmark::DoNotOptimize(arrival);
  }
}
BENCHMARK(BM_SendAndAcknowledge);

}  // namespace
}  // namespace sallyport::tcp

BENCHMARK_MAIN();
